//! From slugs to the methods with `#[action]`, and what the manifest says of them.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Type;

use super::{export, type_or_empty};
use crate::method::action::Action;

pub fn to_glue(plugin: &Type, actions: &[Action]) -> TokenStream {
    let arms = actions.iter().map(action_arm);
    let export = export(plugin, quote!(actions::export_actions));
    quote! {
        impl ::moothall_sdk::export::Actions for #plugin {
            fn perform(
                &self,
                slug: &str,
                parameters: &str,
            ) -> ::moothall_sdk::Result<::core::option::Option<::std::string::String>> {
                match slug {
                    #(#arms)*
                    unknown => ::moothall_sdk::export::unknown_action(unknown),
                }
            }
        }

        #export
    }
}

pub fn to_manifest(action: &Action) -> TokenStream {
    let slug = &action.slug;
    let description = action.options.description.iter();
    let parameters = action.parameters.iter();
    let result = action.result.iter();
    let public = action.options.public.then(|| quote!(.public()));
    let read_only = action.options.read_only.then(|| quote!(.read_only()));
    quote! {
        ::moothall_sdk::manifest::Action::new(#slug)
            #(.description(#description))*
            #(.parameters::<#parameters>())*
            #(.response::<#result>())*
            #public
            #read_only
    }
}

/// The parameters' type is named first, so that what it lacks is reported where its author wrote it.
fn action_arm(action: &Action) -> TokenStream {
    let Action { slug, method, .. } = action;
    let kind = type_or_empty(action.parameters.as_ref());
    let answer = match &action.result {
        Some(result) => quote!(answer::<#kind, #result>),
        None => quote!(answer_nothing::<#kind>),
    };
    let call = match &action.parameters {
        Some(_) => quote_spanned!(method.span()=> |parameters| Self::#method(self, parameters)),
        None => quote_spanned!(method.span()=> |_| Self::#method(self)),
    };
    // What does not fit is reported at the method and not at the whole attribute.
    quote_spanned! {method.span()=> #slug => ::moothall_sdk::export::#answer(parameters, #call), }
}
