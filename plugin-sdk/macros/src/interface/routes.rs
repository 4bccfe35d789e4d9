//! `routes.wit`: methods with `#[route]`. The host chooses one by its path.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, LitStr, Meta, Type};

use super::export;
use crate::method::{Method, Options};
use crate::mistakes::Mistakes;
use crate::options::{choice, text, texts};
use crate::signature::{Form, Parameter, is_named};

/// The HTTP methods that a route may answer.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// The options of `#[route(…)]`.
#[derive(Default)]
pub struct Route {
    path: Option<LitStr>,
    methods: Vec<LitStr>,
    auth: Option<LitStr>,
}

impl Options for Route {
    const ATTRIBUTE: &'static str = "route";
    const FORM: Form = Form {
        signature: "(&self, request: RouteRequest) -> Result<WebhookResponse>",
        parameter: Parameter::Named("RouteRequest"),
        has_result: |result| is_named(result, "WebhookResponse"),
    };
    const KNOWN: &'static str = "`path`, `methods` and `auth`";
    const KEY: Option<&'static str> = Some("path");

    fn accept(&mut self, option: &Meta, mistakes: &mut Mistakes) -> bool {
        let path = option.path();
        if path.is_ident("path") {
            self.path = text(option, mistakes);
        } else if path.is_ident("methods") {
            self.methods = texts(option, mistakes);
            self.methods.retain(|method| is_method(method, mistakes));
        } else if path.is_ident("auth") {
            self.auth = choice(option, &["driver", "public"], mistakes);
        } else {
            return false;
        }
        true
    }

    fn check(&self, _attribute: &Attribute, mistakes: &mut Mistakes) {
        if let Some(path) = &self.path {
            check_path(path, mistakes);
        }
    }

    fn key(&self) -> Option<&LitStr> {
        self.path.as_ref()
    }
}

pub fn to_glue(plugin: &Type, routes: &[Method<Route>]) -> Option<TokenStream> {
    routes.first()?;
    let arms = routes.iter().map(|Method { name, options, .. }| {
        let path = &options.path;
        quote! { #path => Self::#name(self, request), }
    });
    let export = export(plugin, quote!(routes::export_routes));
    Some(quote! {
        impl ::moothall_sdk::export::Routes for #plugin {
            fn route(
                &self,
                path: &str,
                request: ::moothall_sdk::RouteRequest,
            ) -> ::moothall_sdk::Result<::moothall_sdk::WebhookResponse> {
                match path {
                    #(#arms)*
                    unknown => ::moothall_sdk::export::unknown_name("route", unknown),
                }
            }
        }

        #export
    })
}

pub fn to_manifest(route: &Method<Route>) -> TokenStream {
    let Route { path, methods, auth } = &route.options;
    let auth = auth.iter();
    quote! {
        .route(::moothall_sdk::manifest::Route::new(#path) #(.method(#methods))* #(.auth(#auth))*)
    }
}

fn is_method(method: &LitStr, mistakes: &mut Mistakes) -> bool {
    let known = METHODS.contains(&method.value().as_str());
    if !known {
        mistakes.add(method, format!("a method is one of \"{}\"", METHODS.join("\", \"")));
    }
    known
}

fn check_path(path: &LitStr, mistakes: &mut Mistakes) {
    let text = path.value();
    let mut names: Vec<&str> = Vec::new();
    for name in text.split('/').filter(|part| part.starts_with('{')) {
        if names.contains(&name) {
            let message = format!(
                "`{name}` stands twice in the path, and a request has one of it; name each part differently"
            );
            mistakes.add(path, message);
            return;
        }
        names.push(name);
    }
    let mut parts = text.split('/');
    if parts.next() != Some("") || !parts.all(is_part) {
        mistakes.add(
            path,
            "a path is \"/teapot\" or \"/stories/{id}/items\": each part is letters, digits, `.`, `_`, `~` and `-`, or a `{name}`",
        );
    }
}

fn is_part(part: &str) -> bool {
    let name = part.strip_prefix('{').map(|rest| rest.strip_suffix('}').unwrap_or_default());
    match name {
        Some(name) => {
            let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(allowed)
        }
        None => {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._~-".contains(&b);
            !part.is_empty() && part.bytes().all(allowed)
        }
    }
}
