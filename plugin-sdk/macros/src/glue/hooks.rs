//! From the export interfaces with one function to the methods with their attributes.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Ident, Type};

use super::export;
use crate::method::hook::{Hook, Kind};

pub fn to_glue(plugin: &Type, hooks: &[Hook]) -> TokenStream {
    let method =
        |kind| hooks.iter().find(|hook: &&Hook| hook.kind == kind).map(|hook| &hook.method);
    let webhook = method(Kind::Webhook).map(|method| webhook(plugin, method));
    let global = method(Kind::GlobalWebhook).map(|method| global_webhook(plugin, method));
    let handshake = method(Kind::Handshake).map(|method| handshake(plugin, method));
    let producer = method(Kind::Producer).map(|method| producer(plugin, method));
    let oauth = method(Kind::AuthorizeUrl).zip(method(Kind::OauthCallback));
    let oauth = oauth.map(|(url, callback)| oauth_impl(plugin, url, callback));
    quote! { #webhook #global #handshake #producer #oauth }
}

fn webhook(plugin: &Type, method: &Ident) -> TokenStream {
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

fn global_webhook(plugin: &Type, method: &Ident) -> TokenStream {
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

fn handshake(plugin: &Type, method: &Ident) -> TokenStream {
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

fn producer(plugin: &Type, method: &Ident) -> TokenStream {
    let export = export(plugin, quote!(producer::export_producer));
    quote! {
        impl ::moothall_sdk::export::Producer for #plugin {
            fn tick(&self) -> ::moothall_sdk::Result<()> {
                Self::#method(self)
            }
        }

        #export
    }
}

fn oauth_impl(plugin: &Type, url: &Ident, callback: &Ident) -> TokenStream {
    let export = export(plugin, quote!(oauth::export_oauth));
    quote! {
        impl ::moothall_sdk::export::OAuth for #plugin {
            fn authorize_url(
                &self,
                request: ::moothall_sdk::oauth::AuthorizeRequest,
            ) -> ::moothall_sdk::Result<::std::string::String> {
                Self::#url(self, request)
            }

            fn handle_callback(
                &self,
                callback: ::moothall_sdk::oauth::OAuthCallback,
            ) -> ::moothall_sdk::Result<::moothall_sdk::oauth::Authorized> {
                Self::#callback(self, callback)
            }
        }

        #export
    }
}
