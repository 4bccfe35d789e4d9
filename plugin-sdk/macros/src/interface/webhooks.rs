//! `webhooks.wit`: the method with `#[webhook]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Meta, Type};

use super::export;
use crate::method::{Method, Options};
use crate::mistakes::Mistakes;
use crate::options::handshake::{self, HandshakeOptions};
use crate::options::types;
use crate::options::verify::{VerifyOptions, WebhookOf};
use crate::signature::{Form, Parameter, is_webhook_answer};

/// The options of `#[webhook(…)]`.
#[derive(Default)]
pub struct Webhook {
    pub events: Vec<Type>,
    pub handshakes: Vec<HandshakeOptions>,
    verify: Option<VerifyOptions>,
}

impl Options for Webhook {
    const ATTRIBUTE: &'static str = "webhook";
    const FORM: Form = Form {
        signature: "(&self, request: WebhookRequest) -> Result<WebhookResponse>",
        parameter: Parameter::Named("WebhookRequest"),
        has_result: is_webhook_answer,
    };
    const KNOWN: &'static str = "`events`, `verify` and `handshakes`";

    fn accept(&mut self, option: &Meta, mistakes: &mut Mistakes) -> bool {
        let path = option.path();
        if path.is_ident("events") {
            self.events = types(option, mistakes);
        } else if path.is_ident("verify") {
            self.verify = VerifyOptions::parse(option, WebhookOf::Instance, mistakes);
        } else if path.is_ident("handshakes") {
            self.handshakes = handshake::parse(option, mistakes);
        } else {
            return false;
        }
        true
    }
}

pub fn to_glue(plugin: &Type, webhook: &Method<Webhook>) -> TokenStream {
    let method = &webhook.name;
    let export = export(plugin, quote!(webhooks::export_webhooks));
    quote! {
        impl ::moothall_sdk::export::Webhooks for #plugin {
            fn receive(
                &self,
                request: ::moothall_sdk::WebhookRequest,
            ) -> ::moothall_sdk::Result<::core::option::Option<::moothall_sdk::WebhookResponse>> {
                ::moothall_sdk::export::received(Self::#method(self, request))
            }
        }

        #export
    }
}

pub fn to_manifest(webhook: &Method<Webhook>) -> TokenStream {
    let verify = webhook.options.verify.iter().map(|verify| verify.to_manifest());
    let handshakes = webhook.options.handshakes.iter().map(|one| one.to_manifest());
    quote! { #(.verify(#verify))* #(#handshakes)* }
}
