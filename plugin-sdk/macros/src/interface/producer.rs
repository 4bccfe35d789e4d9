//! `producer.wit`: the method with `#[producer]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Meta, Type};

use super::export;
use crate::method::{Method, Options};
use crate::mistakes::Mistakes;
use crate::options::schedule::ScheduleOptions;
use crate::options::types;
use crate::signature::{Form, Parameter, is_unit};

/// The options of `#[producer(…)]`.
#[derive(Default)]
pub struct Producer {
    pub events: Vec<Type>,
    schedule: ScheduleOptions,
}

impl Options for Producer {
    const ATTRIBUTE: &'static str = "producer";
    const FORM: Form = Form {
        signature: "(&self) -> Result<()>",
        parameter: Parameter::Nothing,
        has_result: is_unit,
    };
    const KNOWN: &'static str = "`every`, `cron`, `time_zone`, `jitter` and `events`";

    fn accept(&mut self, option: &Meta, mistakes: &mut Mistakes) -> bool {
        if option.path().is_ident("events") {
            self.events = types(option, mistakes);
            return true;
        }
        self.schedule.accept(option, mistakes)
    }

    fn check(&self, _attribute: &Attribute, mistakes: &mut Mistakes) {
        self.schedule.check(mistakes);
    }
}

pub fn to_glue(plugin: &Type, producer: &Method<Producer>) -> TokenStream {
    let method = &producer.name;
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

pub fn to_manifest(producer: &Method<Producer>) -> Option<TokenStream> {
    let schedule = producer.options.schedule.to_manifest()?;
    Some(quote! { .producer(#schedule) })
}
