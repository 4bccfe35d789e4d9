//! From the functions of the lifecycle to the methods of these names.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Type;

use super::export;
use crate::method::lifecycle::Lifecycle;

pub fn to_glue(plugin: &Type, lifecycle: &[Lifecycle]) -> TokenStream {
    let functions = lifecycle.iter().map(|function| lifecycle_function(*function));
    let export = export(plugin, quote!(lifecycle::export_lifecycle));
    quote! {
        impl ::moothall_sdk::export::Lifecycle for #plugin {
            #(#functions)*
        }

        #export
    }
}

fn lifecycle_function(function: Lifecycle) -> TokenStream {
    match function {
        Lifecycle::Initialize => quote! {
            fn initialize(&self) -> ::moothall_sdk::Result<()> {
                Self::initialize(self)
            }
        },
        Lifecycle::ConfigChanged => quote! {
            fn config_changed(&self, previous: &str) -> ::moothall_sdk::Result<()> {
                ::moothall_sdk::export::config_changed(previous, |previous| Self::config_changed(self, previous))
            }
        },
        Lifecycle::Upgraded => quote! {
            fn upgraded(&self, from_version: ::std::string::String) -> ::moothall_sdk::Result<()> {
                Self::upgraded(self, from_version)
            }
        },
        Lifecycle::Close => quote! {
            fn close(&self) -> ::moothall_sdk::Result<()> {
                Self::close(self)
            }
        },
    }
}
