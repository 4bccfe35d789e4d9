//! `workers.wit`: methods with `#[worker]`, each a consumer of events. The host chooses one by its name.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr, Ident, ImplItem, ItemImpl, LitInt, LitStr, Meta, Signature, Type};

use super::export;
use crate::method::{Method, Options};
use crate::mistakes::Mistakes;
use crate::name;
use crate::options::{choice, number, text, texts, value};
use crate::signature::{
    Form, Parameter, check_shape, is_named, is_unit, parameter_types, parameters_span, result_type,
};

/// The options of `#[worker(…)]`.
#[derive(Default)]
pub struct Worker {
    name: Option<LitStr>,
    events: Vec<LitStr>,
    /// `/pointer=text`
    matches: Vec<LitStr>,
    ordering: Option<LitStr>,
    max_attempts: Option<LitInt>,
    timeout_ms: Option<LitInt>,
    /// The method that says whether the worker is enabled.
    enabled: Option<Ident>,
}

impl Options for Worker {
    const ATTRIBUTE: &'static str = "worker";
    const FORM: Form = Form {
        signature: "(&self, event: Envelope) -> Result<()>",
        parameter: Parameter::Named("Envelope"),
        has_result: is_unit,
    };
    const KNOWN: &'static str =
        "`name`, `events`, `matches`, `ordering`, `max_attempts`, `timeout_ms` and `enabled`";
    const KEY: Option<&'static str> = Some("name");

    fn accept(&mut self, option: &Meta, mistakes: &mut Mistakes) -> bool {
        let path = option.path();
        if path.is_ident("name") {
            self.name = text(option, mistakes);
        } else if path.is_ident("events") {
            self.events = texts(option, mistakes);
        } else if path.is_ident("matches") {
            self.matches = texts(option, mistakes);
            self.matches.retain(|one| is_match(one, mistakes));
        } else if path.is_ident("ordering") {
            self.ordering = choice(option, &["fifo", "unordered"], mistakes);
        } else if path.is_ident("max_attempts") {
            self.max_attempts = number(option, mistakes);
        } else if path.is_ident("timeout_ms") {
            self.timeout_ms = number(option, mistakes);
        } else if path.is_ident("enabled") {
            self.enabled = method_name(option, mistakes);
        } else {
            return false;
        }
        true
    }

    fn check(&self, attribute: &Attribute, mistakes: &mut Mistakes) {
        if let Some(name) = &self.name {
            name::check("a name", name, mistakes);
        }
        if self.events.is_empty() {
            mistakes.add(attribute, "a worker needs events: `events(\"api.change\")`");
        }
    }

    fn key(&self) -> Option<&LitStr> {
        self.name.as_ref()
    }
}

/// Notes each `enabled` whose method has another signature than the host's question, and forgets it.
pub fn with_right_conditions(
    mut workers: Vec<Method<Worker>>,
    block: &ItemImpl,
    mistakes: &mut Mistakes,
) -> Vec<Method<Worker>> {
    for worker in &mut workers {
        let enabled = &mut worker.options.enabled;
        let signature = enabled.as_ref().and_then(|name| signature_of(block, name));
        if signature.is_some_and(|signature| !is_condition(signature, mistakes)) {
            *enabled = None;
        }
    }
    workers
}

pub fn to_glue(plugin: &Type, workers: &[Method<Worker>]) -> Option<TokenStream> {
    workers.first()?;
    let handle = workers.iter().map(|Method { name, options, .. }| {
        let worker = &options.name;
        quote! { #worker => Self::#name(self, event), }
    });
    let enabled = workers.iter().filter_map(|worker| enabled_arm(&worker.options));
    let export = export(plugin, quote!(workers::export_workers));
    Some(quote! {
        impl ::moothall_sdk::export::Workers for #plugin {
            #[allow(unused_variables)]
            fn enabled(&self, worker: &str, config: &str) -> ::moothall_sdk::Result<bool> {
                match worker {
                    #(#enabled)*
                    _ => ::core::result::Result::Ok(true),
                }
            }

            fn handle(
                &self,
                worker: &str,
                event: ::moothall_sdk::Envelope,
            ) -> ::moothall_sdk::Result<()> {
                match worker {
                    #(#handle)*
                    unknown => ::moothall_sdk::export::unknown_name("worker", unknown),
                }
            }
        }

        #export
    })
}

pub fn to_manifest(worker: &Method<Worker>) -> TokenStream {
    let Worker { name, events, matches, .. } = &worker.options;
    let Worker { ordering, max_attempts, timeout_ms, .. } = &worker.options;
    let (ordering, attempts) = (ordering.iter(), max_attempts.iter());
    let timeout = timeout_ms.iter();
    quote! {
        .worker(::moothall_sdk::manifest::Worker::new(#name) #(.event(#events))*
            #(.matches(#matches))* #(.ordering(#ordering))* #(.max_attempts(#attempts))*
            #(.timeout_ms(#timeout))*)
    }
}

fn enabled_arm(worker: &Worker) -> Option<TokenStream> {
    let (name, method) = (&worker.name, worker.enabled.as_ref()?);
    Some(quote! { #name => Self::#method(self, ::moothall_sdk::export::data(config)?), })
}

fn is_match(one: &LitStr, mistakes: &mut Mistakes) -> bool {
    let good = one.value().starts_with('/') && one.value().contains('=');
    if !good {
        let message =
            "a match is a JSON Pointer into the event's data and a text: \"/resource=story\"";
        mistakes.add(one, message);
    }
    good
}

/// The name of `enabled = method`.
fn method_name(option: &Meta, mistakes: &mut Mistakes) -> Option<Ident> {
    match value(option) {
        Some(Expr::Path(path)) if path.path.get_ident().is_some() => path.path.get_ident().cloned(),
        _ => {
            mistakes.add(option, "`enabled` names a method: `enabled = wants`, with `fn wants(&self, config: Config) -> Result<bool>`");
            None
        }
    }
}

fn signature_of<'b>(block: &'b ItemImpl, name: &Ident) -> Option<&'b Signature> {
    block.items.iter().find_map(|item| match item {
        ImplItem::Fn(method) if method.sig.ident == *name => Some(&method.sig),
        _ => None,
    })
}

fn is_condition(signature: &Signature, mistakes: &mut Mistakes) -> bool {
    let mut own = Mistakes::default();
    let form = format!("fn {}(&self, config: Config) -> Result<bool>", signature.ident);
    check_shape(signature, &form, &mut own);
    let result = result_type(signature, &form, &mut own);
    if let Some(result) = result.filter(|result| !is_named(result, "bool")) {
        own.add(result, format!("whether a worker is enabled is a `bool`; write `{form}`"));
    }
    if parameter_types(&signature.inputs).len() != 1 {
        own.add_at(
            parameters_span(signature),
            format!("`{}` has other parameters; write `{form}`", signature.ident),
        );
    }
    let is_right = own.is_empty();
    mistakes.append(own);
    is_right
}
