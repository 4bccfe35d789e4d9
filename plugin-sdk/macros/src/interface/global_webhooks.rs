//! `global-webhooks.wit`: the method with `#[global_webhook]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Meta, Type};

use super::export;
use crate::method::{Method, Options};
use crate::mistakes::Mistakes;
use crate::options::handshake::{self, HandshakeOptions};
use crate::options::verify::{VerifyOptions, WebhookOf};
use crate::signature::{Form, Parameter, is_named};

/// The options of `#[global_webhook(…)]`.
#[derive(Default)]
pub struct GlobalWebhook {
    pub handshakes: Vec<HandshakeOptions>,
    verify: Option<VerifyOptions>,
}

impl Options for GlobalWebhook {
    const ATTRIBUTE: &'static str = "global_webhook";
    const FORM: Form = Form {
        signature: "(&self, request: WebhookRequest) -> Result<Routed>",
        parameter: Parameter::Named("WebhookRequest"),
        has_result: |result| is_named(result, "Routed"),
    };
    const KNOWN: &'static str = "`verify` and `handshakes`";

    fn accept(&mut self, option: &Meta, mistakes: &mut Mistakes) -> bool {
        let path = option.path();
        if path.is_ident("verify") {
            self.verify = VerifyOptions::parse(option, WebhookOf::Platform, mistakes);
        } else if path.is_ident("handshakes") {
            self.handshakes = handshake::parse(option, mistakes);
        } else {
            return false;
        }
        true
    }
}

pub fn to_glue(plugin: &Type, webhook: &Method<GlobalWebhook>) -> TokenStream {
    let method = &webhook.name;
    let export = export(plugin, quote!(global_webhooks::export_global_webhooks));
    quote! {
        impl ::moothall_sdk::export::GlobalWebhooks for #plugin {
            fn receive_global(
                &self,
                request: ::moothall_sdk::WebhookRequest,
            ) -> ::moothall_sdk::Result<::moothall_sdk::Routed> {
                Self::#method(self, request)
            }
        }

        #export
    }
}

pub fn to_manifest(webhook: &Method<GlobalWebhook>) -> TokenStream {
    let verify = webhook.options.verify.iter().map(|verify| verify.to_manifest());
    let handshakes = webhook.options.handshakes.iter().map(|one| one.to_manifest());
    quote! { #(.global_verify(#verify))* #(#handshakes)* }
}
