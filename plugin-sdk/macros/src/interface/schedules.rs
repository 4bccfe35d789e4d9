//! `schedules.wit`: methods with `#[schedule]`. The host chooses one by its name.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, LitStr, Meta, Type};

use super::export;
use crate::method::{Method, Options};
use crate::mistakes::Mistakes;
use crate::name;
use crate::options::schedule::ScheduleOptions;
use crate::options::text;
use crate::signature::{Form, Parameter, is_unit};

/// The options of `#[schedule(…)]`.
#[derive(Default)]
pub struct Schedule {
    name: Option<LitStr>,
    when: ScheduleOptions,
}

impl Options for Schedule {
    const ATTRIBUTE: &'static str = "schedule";
    const FORM: Form = Form {
        signature: "(&self, scheduled_at: Moment) -> Result<()>",
        parameter: Parameter::Named("Moment"),
        has_result: is_unit,
    };
    const KNOWN: &'static str = "`name`, `every`, `cron`, `time_zone` and `jitter`";
    const KEY: Option<&'static str> = Some("name");

    fn accept(&mut self, option: &Meta, mistakes: &mut Mistakes) -> bool {
        if option.path().is_ident("name") {
            self.name = text(option, mistakes);
            return true;
        }
        self.when.accept(option, mistakes)
    }

    fn check(&self, _attribute: &Attribute, mistakes: &mut Mistakes) {
        self.when.check(mistakes);
        if let Some(name) = &self.name {
            name::check("a name", name, mistakes);
        }
    }

    fn key(&self) -> Option<&LitStr> {
        self.name.as_ref()
    }
}

pub fn to_glue(plugin: &Type, schedules: &[Method<Schedule>]) -> Option<TokenStream> {
    schedules.first()?;
    let arms = schedules.iter().map(|Method { name, options, .. }| {
        let schedule = &options.name;
        quote! { #schedule => Self::#name(self, scheduled_at), }
    });
    let export = export(plugin, quote!(schedules::export_schedules));
    Some(quote! {
        impl ::moothall_sdk::export::Schedules for #plugin {
            fn tick(
                &self,
                name: &str,
                scheduled_at: ::moothall_sdk::Moment,
            ) -> ::moothall_sdk::Result<()> {
                match name {
                    #(#arms)*
                    unknown => ::moothall_sdk::export::unknown_name("schedule", unknown),
                }
            }
        }

        #export
    })
}

pub fn to_manifest(schedule: &Method<Schedule>) -> TokenStream {
    let Schedule { name, when } = &schedule.options;
    let when = when.to_manifest();
    let when = when.unwrap_or_else(|| quote!(::moothall_sdk::manifest::Schedule::default()));
    quote! { .schedule(#name, #when) }
}
