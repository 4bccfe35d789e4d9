//! The options of `#[filter(…)]`, `#[worker(…)]`, `#[schedule(…)]` and `#[route(…)]`.

use syn::{Attribute, Expr, Ident, LitInt, LitStr, Meta};

use super::schedule::ScheduleOptions;
use super::{choice, number, read, text, texts, tokens_of, unknown, value};
use crate::method::entry::Kind;
use crate::mistakes::Mistakes;
use crate::name;

/// What a route may answer.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// What an author says of one such method.
#[derive(Default)]
pub struct EntryOptions {
    pub key: Option<LitStr>,
    pub description: Option<LitStr>,
    pub order: Option<Expr>,
    pub fail_silently: Option<Expr>,
    pub events: Vec<LitStr>,
    /// `/pointer=text`
    pub matches: Vec<LitStr>,
    pub ordering: Option<LitStr>,
    pub max_attempts: Option<LitInt>,
    pub timeout_ms: Option<LitInt>,
    pub enabled: Option<Ident>,
    pub schedule: ScheduleOptions,
    pub methods: Vec<LitStr>,
    pub auth: Option<LitStr>,
}

impl EntryOptions {
    pub fn parse(kind: Kind, attribute: &Attribute, mistakes: &mut Mistakes) -> Self {
        let mut options = Self::default();
        for option in read(tokens_of(attribute), mistakes) {
            options.accept(kind, &option, mistakes);
        }
        options.schedule.check(mistakes);
        options.check(kind, attribute, mistakes);
        options
    }

    fn accept(&mut self, kind: Kind, option: &Meta, mistakes: &mut Mistakes) {
        let path = option.path();
        if kind.key().is_some_and(|key| path.is_ident(key)) {
            self.key = text(option, mistakes);
            return;
        }
        let known = match kind {
            Kind::Filter => self.accept_filter(option, mistakes),
            Kind::Worker => self.accept_worker(option, mistakes),
            Kind::Schedule => self.schedule.accept(option, mistakes),
            Kind::Route => self.accept_route(option, mistakes),
            Kind::Monitoring => false,
        };
        if !known {
            unknown(option, known_of(kind), mistakes);
        }
    }

    fn accept_filter(&mut self, option: &Meta, mistakes: &mut Mistakes) -> bool {
        let path = option.path();
        if path.is_ident("description") {
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

    fn accept_worker(&mut self, option: &Meta, mistakes: &mut Mistakes) -> bool {
        let path = option.path();
        if path.is_ident("events") {
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
            self.enabled = method(option, mistakes);
        } else {
            return false;
        }
        true
    }

    fn accept_route(&mut self, option: &Meta, mistakes: &mut Mistakes) -> bool {
        let path = option.path();
        if path.is_ident("methods") {
            self.methods = texts(option, mistakes);
            self.methods.retain(|method| is_method(method, mistakes));
        } else if path.is_ident("auth") {
            self.auth = choice(option, &["driver", "public"], mistakes);
        } else {
            return false;
        }
        true
    }

    fn check(&self, kind: Kind, attribute: &Attribute, mistakes: &mut Mistakes) {
        match (kind.key(), &self.key) {
            (Some(key), None) => {
                let message = format!("write `#[{}({key} = \"…\")]`", kind.attribute());
                mistakes.add(attribute, message);
            }
            (Some("name"), Some(key)) => name::check("a name", key, mistakes),
            (Some("path"), Some(key)) => check_path(key, mistakes),
            _ => {}
        }
        if kind == Kind::Worker && self.events.is_empty() {
            mistakes.add(attribute, "a worker needs events: `events(\"api.change\")`");
        }
    }
}

fn known_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Filter => "`hook`, `order`, `fail_silently` and `description`",
        Kind::Worker => {
            "`name`, `events`, `matches`, `ordering`, `max_attempts`, `timeout_ms` and `enabled`"
        }
        Kind::Schedule => "`name`, `every`, `cron`, `time_zone` and `jitter`",
        Kind::Route => "`path`, `methods` and `auth`",
        Kind::Monitoring => "none",
    }
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
fn method(option: &Meta, mistakes: &mut Mistakes) -> Option<Ident> {
    match value(option) {
        Some(Expr::Path(path)) if path.path.get_ident().is_some() => path.path.get_ident().cloned(),
        _ => {
            mistakes.add(option, "`enabled` names a method: `enabled = wants`, with `fn wants(&self, config: Config) -> Result<bool>`");
            None
        }
    }
}

/// The number or truth of `name = value`, which may have a sign.
fn literal(option: &Meta, example: &str, mistakes: &mut Mistakes) -> Option<Expr> {
    let found = value(option).filter(|value| match value {
        Expr::Unary(signed) => matches!(&*signed.expr, Expr::Lit(_)),
        other => matches!(other, Expr::Lit(_)),
    });
    if found.is_none() {
        mistakes.add(option, format!("write `{} = {example}`", super::name_of(option)));
    }
    found.cloned()
}

fn is_method(method: &LitStr, mistakes: &mut Mistakes) -> bool {
    let known = METHODS.contains(&method.value().as_str());
    if !known {
        mistakes.add(method, format!("a method is one of \"{}\"", METHODS.join("\", \"")));
    }
    known
}

fn check_path(path: &LitStr, mistakes: &mut Mistakes) {
    let text = path.value();
    let mut names: Vec<&str> = Vec::new();
    for name in text.split('/').filter(|part| part.starts_with('{')) {
        if names.contains(&name) {
            let message = format!(
                "`{name}` stands twice in the path, and a request has one of it; name each part differently"
            );
            mistakes.add(path, message);
            return;
        }
        names.push(name);
    }
    let mut parts = text.split('/');
    if parts.next() != Some("") || !parts.all(is_part) {
        mistakes.add(
            path,
            "a path is \"/teapot\" or \"/stories/{id}/items\": each part is letters, digits, `.`, `_`, `~` and `-`, or a `{name}`",
        );
    }
}

fn is_part(part: &str) -> bool {
    let name = part.strip_prefix('{').map(|rest| rest.strip_suffix('}').unwrap_or_default());
    match name {
        Some(name) => {
            let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(allowed)
        }
        None => {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._~-".contains(&b);
            !part.is_empty() && part.bytes().all(allowed)
        }
    }
}
