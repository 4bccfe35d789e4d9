//! Methods that are called without a driver's request, of which a plugin may have several: filters,
//! workers, schedules, routes; and the one that takes monitoring points.

use syn::{Attribute, Ident, ImplItem, ItemImpl, LitStr, Signature, Type};

use super::hook::is_named;
use super::{check_shape, is_unit, parameter_types, parameters_span, result_type};
use crate::mistakes::Mistakes;
use crate::options::entry::EntryOptions;

/// Which of them a method is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Filter,
    Worker,
    Monitoring,
    Schedule,
    Route,
}

/// A method whose signature is right.
pub struct Entry {
    pub kind: Kind,
    pub method: Ident,
    /// The hook, the worker, the schedule, the path; none for monitoring.
    pub key: Option<LitStr>,
    pub options: EntryOptions,
    /// What it takes.
    pub parameter: Type,
}

impl Kind {
    /// The kind that an attribute of this name makes.
    pub fn of(attribute: &Ident) -> Option<Self> {
        let all = [Self::Filter, Self::Worker, Self::Monitoring, Self::Schedule, Self::Route];
        all.into_iter().find(|kind| *attribute == kind.attribute())
    }

    pub fn attribute(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Worker => "worker",
            Self::Monitoring => "monitoring",
            Self::Schedule => "schedule",
            Self::Route => "route",
        }
    }

    /// The option that tells several of them apart.
    pub fn key(self) -> Option<&'static str> {
        match self {
            Self::Filter => Some("hook"),
            Self::Worker | Self::Schedule => Some("name"),
            Self::Route => Some("path"),
            Self::Monitoring => None,
        }
    }

    fn form(self, name: &Ident) -> String {
        let rest = match self {
            Self::Filter => "(&self, data: Data) -> Result<Verdict>",
            Self::Worker => "(&self, event: Envelope) -> Result<()>",
            Self::Monitoring => "(&self, points: Vec<Point>) -> Result<()>",
            Self::Schedule => "(&self, scheduled_at: String) -> Result<()>",
            Self::Route => "(&self, request: RouteRequest) -> Result<WebhookResponse>",
        };
        format!("fn {name}{rest}")
    }

    fn takes(self, parameter: &Type) -> bool {
        match self {
            Self::Filter => true,
            Self::Worker => is_named(parameter, "Envelope"),
            Self::Monitoring => is_named(parameter, "Vec"),
            Self::Schedule => is_named(parameter, "String"),
            Self::Route => is_named(parameter, "RouteRequest"),
        }
    }

    fn has_result(self, result: &Type) -> bool {
        match self {
            Self::Filter => is_named(result, "Verdict"),
            Self::Route => is_named(result, "WebhookResponse"),
            _ => is_unit(result),
        }
    }
}

impl Entry {
    /// What a method with an attribute of this kind is, as far as one can be made out.
    pub fn read(
        kind: Kind,
        attribute: &Attribute,
        signature: &Signature,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let mut options = EntryOptions::parse(kind, attribute, mistakes);
        let form = kind.form(&signature.ident);
        check_shape(signature, &form, mistakes);
        if let Some(result) = result_type(signature, &form, mistakes)
            && !kind.has_result(result)
        {
            mistakes.add(result, format!("this method has another result; write `{form}`"));
        }
        let parameter = match parameter_types(&signature.inputs).as_slice() {
            [only] if kind.takes(only) => (*only).clone(),
            [only] => {
                let message = format!("`{}` takes another type; write `{form}`", signature.ident);
                mistakes.add(only, message);
                return None;
            }
            _ => {
                let message = format!("`{}` has other parameters; write `{form}`", signature.ident);
                mistakes.add_at(parameters_span(signature), message);
                return None;
            }
        };
        let key = options.key.take();
        let has_key = key.is_some() || kind.key().is_none();
        let method = signature.ident.clone();
        has_key.then_some(Self { kind, method, key, options, parameter })
    }
}

/// Notes each whose key an earlier one of its kind has, and leaves it out.
pub fn without_duplicates(entries: Vec<Entry>, mistakes: &mut Mistakes) -> Vec<Entry> {
    let mut unique: Vec<Entry> = Vec::new();
    let key = |entry: &Entry| entry.key.as_ref().map(LitStr::value);
    for entry in entries {
        let same = |earlier: &&Entry| earlier.kind == entry.kind && key(earlier) == key(&entry);
        match unique.iter().find(same) {
            Some(earlier) => {
                let (attribute, taken) = (entry.kind.attribute(), &earlier.method);
                let message = match entry.kind.key() {
                    Some(key) => {
                        format!("`{taken}` has `#[{attribute}]` with the same `{key}` already")
                    }
                    None => format!("`{taken}` has `#[{attribute}]` already; a plugin has one"),
                };
                mistakes.add(&entry.method, message);
            }
            None => unique.push(entry),
        }
    }
    unique
}

/// Notes an `enabled` whose method has another form than the host's question, and leaves it out.
pub fn with_right_conditions(
    mut entries: Vec<Entry>,
    block: &ItemImpl,
    mistakes: &mut Mistakes,
) -> Vec<Entry> {
    for entry in &mut entries {
        let signature = entry.options.enabled.as_ref().and_then(|name| method_of(block, name));
        if signature.is_some_and(|signature| !is_condition(signature, mistakes)) {
            entry.options.enabled = None;
        }
    }
    entries
}

fn method_of<'b>(block: &'b ItemImpl, name: &Ident) -> Option<&'b Signature> {
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
