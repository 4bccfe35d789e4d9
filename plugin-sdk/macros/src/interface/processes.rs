//! `processes.wit`: the processes that the plugin lists. Their functions are in blocks with `#[process]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use super::export;

pub fn to_glue(plugin: &Type, processes: &[Type]) -> Option<TokenStream> {
    processes.first()?;
    let export = export(plugin, quote!(processes::export_processes));
    let instances = processes.iter().map(|process| instance(plugin, process));
    let listed = processes.iter().map(|process| quote_spanned!(process.span()=> &#process));
    Some(quote! {
        impl ::moothall_sdk::export::Processes for #plugin {
            const PROCESSES: &'static [&'static dyn ::moothall_sdk::export::ProcessFunctions] =
                &[#(#listed),*];
        }

        #(#instances)*

        #export
    })
}

/// By this the process has the plugin's configuration and emits its events.
fn instance(plugin: &Type, process: &Type) -> TokenStream {
    quote_spanned! {process.span()=>
        impl ::moothall_sdk::Instance<#plugin> for #process {}
    }
}
