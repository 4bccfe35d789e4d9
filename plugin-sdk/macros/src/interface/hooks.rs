//! `hooks.wit`: methods with `#[filter]`, each a step of a hook. The host chooses one by the hook's name.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, LitStr, Meta, Type};

use super::export;
use crate::method::{Method, Options};
use crate::mistakes::Mistakes;
use crate::options::{name_of, text, value};
use crate::signature::{Form, Parameter, is_named};

/// The options of `#[filter(…)]`.
#[derive(Default)]
pub struct Filter {
    hook: Option<LitStr>,
    description: Option<LitStr>,
    order: Option<Expr>,
    fail_silently: Option<Expr>,
}

impl Options for Filter {
    const ATTRIBUTE: &'static str = "filter";
    const FORM: Form = Form {
        signature: "(&self, data: Data) -> Result<Verdict>",
        parameter: Parameter::Any,
        has_result: |result| is_named(result, "Verdict"),
    };
    const KNOWN: &'static str = "`hook`, `order`, `fail_silently` and `description`";
    const KEY: Option<&'static str> = Some("hook");

    fn accept(&mut self, option: &Meta, mistakes: &mut Mistakes) -> bool {
        let path = option.path();
        if path.is_ident("hook") {
            self.hook = text(option, mistakes);
        } else if path.is_ident("description") {
            self.description = text(option, mistakes);
        } else if path.is_ident("order") {
            self.order = literal(option, "100", mistakes);
        } else if path.is_ident("fail_silently") {
            self.fail_silently = literal(option, "false", mistakes);
        } else {
            return false;
        }
        true
    }

    fn key(&self) -> Option<&LitStr> {
        self.hook.as_ref()
    }
}

pub fn to_glue(plugin: &Type, filters: &[Method<Filter>]) -> Option<TokenStream> {
    filters.first()?;
    let arms = filters.iter().map(|Method { name, parameter, options }| {
        let hook = &options.hook;
        quote! { #hook => Self::#name(self, ::moothall_sdk::export::data::<#parameter>(data)?), }
    });
    let export = export(plugin, quote!(hooks::export_hooks));
    Some(quote! {
        impl ::moothall_sdk::export::Filters for #plugin {
            fn filter(&self, hook: &str, data: &str) -> ::moothall_sdk::Result<::moothall_sdk::Verdict> {
                match hook {
                    #(#arms)*
                    unknown => ::moothall_sdk::export::unknown_name("filter", unknown),
                }
            }
        }

        #export
    })
}

pub fn to_manifest(filter: &Method<Filter>) -> TokenStream {
    let Filter { hook, description, order, fail_silently } = &filter.options;
    let (description, order) = (description.iter(), order.iter());
    let fail_silently = fail_silently.iter();
    quote! {
        .filter(::moothall_sdk::manifest::Filter::new(#hook)
            #(.description(#description))* #(.order(#order))* #(.fail_silently(#fail_silently))*)
    }
}

/// The number or the truth value of `name = value`. A number may have a sign.
fn literal(option: &Meta, example: &str, mistakes: &mut Mistakes) -> Option<Expr> {
    let found = value(option).filter(|value| match value {
        Expr::Unary(signed) => matches!(&*signed.expr, Expr::Lit(_)),
        other => matches!(other, Expr::Lit(_)),
    });
    if found.is_none() {
        mistakes.add(option, format!("write `{} = {example}`", name_of(option)));
    }
    found.cloned()
}
