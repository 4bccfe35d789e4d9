//! `processes.wit`: the processes that the plugin lists. Their functions are in blocks with `#[process]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Type};

use super::export;

/// The name of a method that each process has and the plugin that lists the process calls. If no plugin lists
/// it, the compiler warns that the method is never used, and the name says what to do.
pub const NAMED_BY_A_PLUGIN: &str = "name_this_process_in_processes_of_its_plugin";

pub fn to_glue(plugin: &Type, processes: &[Type]) -> Option<TokenStream> {
    processes.first()?;
    let export = export(plugin, quote!(processes::export_processes));
    let listed = processes.iter().map(|process| listed(plugin, process));
    let named = processes.iter().map(named);
    Some(quote! {
        impl ::moothall_sdk::export::Processes for #plugin {
            const PROCESSES: &'static [&'static dyn ::moothall_sdk::export::ProcessFunctions] =
                &[#(#listed),*];
        }

        #(#named)*

        #export
    })
}

/// Asks the compiler whether the type is a process of the plugin. Nothing else asks it, so that a type that is
/// none is one error.
fn listed(plugin: &Type, process: &Type) -> TokenStream {
    quote_spanned! {process.span()=>
        ::moothall_sdk::export::listed::<#plugin, #process>(&#process)
    }
}

/// Calls the method by which a process counts as named. Where the type has no such method (a process of another
/// crate, a type that is no process), `AnyType` provides it.
fn named(process: &Type) -> TokenStream {
    let method = Ident::new(NAMED_BY_A_PLUGIN, proc_macro2::Span::call_site());
    quote! {
        const _: fn() = || {
            #[allow(unused_imports)]
            use ::moothall_sdk::export::AnyType as _;
            #process.#method();
        };
    }
}
