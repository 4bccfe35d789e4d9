//! `monitoring.wit`: the method with `#[monitoring]`, which takes monitoring points.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Type;

use super::export;
use crate::method::{Method, Options};
use crate::signature::{Form, Parameter, is_unit};

/// `#[monitoring]` has no options.
#[derive(Default)]
pub struct Monitoring;

impl Options for Monitoring {
    const ATTRIBUTE: &'static str = "monitoring";
    const FORM: Form = Form {
        signature: "(&self, points: Vec<Point>) -> Result<()>",
        parameter: Parameter::Named("Vec"),
        has_result: is_unit,
    };
}

pub fn to_glue(plugin: &Type, monitoring: &Method<Monitoring>) -> TokenStream {
    let method = &monitoring.name;
    let export = export(plugin, quote!(monitoring::export_monitoring));
    quote! {
        impl ::moothall_sdk::export::Monitoring for #plugin {
            fn handle_points(
                &self,
                points: ::std::vec::Vec<::moothall_sdk::Point>,
            ) -> ::moothall_sdk::Result<()> {
                Self::#method(self, points)
            }
        }

        #export
    }
}
