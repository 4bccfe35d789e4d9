//! `oauth.wit`: the two methods with `#[authorize_url]` and `#[oauth_callback]`, which a plugin has
//! together.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Type;

use super::export;
use crate::method::{Method, Options};
use crate::mistakes::Mistakes;
use crate::options::plugin::PluginOptions;
use crate::signature::{Form, Parameter, is_named};

/// `#[authorize_url]` has no options.
#[derive(Default)]
pub struct AuthorizeUrl;

/// `#[oauth_callback]` has no options.
#[derive(Default)]
pub struct OauthCallback;

impl Options for AuthorizeUrl {
    const ATTRIBUTE: &'static str = "authorize_url";
    const FORM: Form = Form {
        signature: "(&self, request: AuthorizeRequest) -> Result<String>",
        parameter: Parameter::Named("AuthorizeRequest"),
        has_result: |result| is_named(result, "String"),
    };
}

impl Options for OauthCallback {
    const ATTRIBUTE: &'static str = "oauth_callback";
    const FORM: Form = Form {
        signature: "(&self, callback: OAuthCallback) -> Result<Authorized>",
        parameter: Parameter::Named("OAuthCallback"),
        has_result: |result| is_named(result, "Authorized"),
    };
}

/// Notes one of the two methods without the other.
pub fn check_both(
    urls: &[Method<AuthorizeUrl>],
    callbacks: &[Method<OauthCallback>],
    mistakes: &mut Mistakes,
) {
    match (urls.first(), callbacks.first()) {
        (Some(url), None) => mistakes.add(&url.name, missing::<OauthCallback>()),
        (None, Some(callback)) => mistakes.add(&callback.name, missing::<AuthorizeUrl>()),
        _ => {}
    }
}

/// Notes the methods of a plugin that does not say what it authorises: the host would never call them.
pub fn check_declared(
    urls: &[Method<AuthorizeUrl>],
    options: &PluginOptions,
    mistakes: &mut Mistakes,
) {
    if let (Some(url), None) = (urls.first(), &options.oauth) {
        mistakes.add(
            &url.name,
            "the host sends people here only if the plugin says what it authorises; add `oauth(types(\"app\", \"user\"))` to `#[plugin(…)]`, or one of the two",
        );
    }
}

fn missing<O: Options>() -> String {
    let form = O::FORM.for_method(O::ATTRIBUTE);
    format!("OAuth takes two methods; add `#[{}] {form}`", O::ATTRIBUTE)
}

pub fn to_glue(
    plugin: &Type,
    url: &Method<AuthorizeUrl>,
    callback: &Method<OauthCallback>,
) -> TokenStream {
    let (url, callback) = (&url.name, &callback.name);
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
