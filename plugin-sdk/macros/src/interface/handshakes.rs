//! `handshakes.wit`: the method with `#[handshake]`. Which handshakes lead to it is declared beside the
//! webhooks.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Ident, Type};

use super::export;
use crate::method::{Method, Options};
use crate::mistakes::Mistakes;
use crate::options::handshake::HandshakeOptions;
use crate::signature::{Form, Parameter, is_named};

/// `#[handshake]` has no options.
#[derive(Default)]
pub struct Handshake;

impl Options for Handshake {
    const ATTRIBUTE: &'static str = "handshake";
    const FORM: Form = Form {
        signature: "(&self, request: WebhookRequest) -> Result<WebhookResponse>",
        parameter: Parameter::Named("WebhookRequest"),
        has_result: |result| is_named(result, "WebhookResponse"),
    };
}

/// Notes a handshake with `answer = "export"` and no method to answer it, and a method that no handshake
/// leads to.
pub fn check_declared(
    declaring: &[(&Ident, &[HandshakeOptions])],
    methods: &[Method<Handshake>],
    mistakes: &mut Mistakes,
) {
    let exported = |handshakes: &[HandshakeOptions]| handshakes.iter().any(|one| one.is_exported());
    let declared = declaring.iter().find(|(_, handshakes)| exported(handshakes));
    match (declared, methods.first()) {
        (Some((webhook, _)), None) => {
            let form = Handshake::FORM.for_method("greet");
            mistakes.add(
                webhook,
                format!("a handshake with `answer = \"export\"` takes a method; add `#[handshake] {form}`"),
            );
        }
        (None, Some(method)) => mistakes.add(
            &method.name,
            "no handshake leads here; add `handshakes(get(query = \"challenge\", answer = \"export\"))` to `#[webhook(…)]`",
        ),
        _ => {}
    }
}

pub fn to_glue(plugin: &Type, handshake: &Method<Handshake>) -> TokenStream {
    let method = &handshake.name;
    let export = export(plugin, quote!(handshakes::export_handshakes));
    quote! {
        impl ::moothall_sdk::export::Handshakes for #plugin {
            fn answer(
                &self,
                request: ::moothall_sdk::WebhookRequest,
            ) -> ::moothall_sdk::Result<::moothall_sdk::WebhookResponse> {
                Self::#method(self, request)
            }
        }

        #export
    }
}
