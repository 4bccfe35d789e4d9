//! The options of `#[plugin(…)]`.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{Expr, Ident, LitStr, Meta, Type};

use super::oauth::OAuthOptions;
use super::requests::Requests;
use super::{a_type, choice, expressions, flag, read, text, texts, types, unknown};
use crate::mistakes::Mistakes;
use crate::name;

const KNOWN: &str = "`name`, `config`, `settings`, `version`, `title`, `homepage`, `description`, `auth_type`, \
                     `community_platform_id_key`, `on_config_change`, `events`, `processes`, \
                     `route_keys`, `oauth`, `scope`, `resident`, `hooks` and `requests`";

/// The options of `#[plugin(…)]`, as the author wrote them.
#[derive(Default)]
pub struct PluginOptions {
    pub name: Option<LitStr>,
    pub config: Option<Type>,
    pub settings: Option<Type>,
    pub version: Option<LitStr>,
    pub title: Option<LitStr>,
    pub homepage: Option<LitStr>,
    pub description: Option<LitStr>,
    pub auth_type: Option<LitStr>,
    pub community_platform_id_key: Option<LitStr>,
    pub on_config_change: Option<LitStr>,
    pub events: Vec<Type>,
    pub processes: Vec<Type>,
    pub route_keys: Vec<LitStr>,
    pub oauth: Option<OAuthOptions>,
    pub scope: Option<LitStr>,
    /// The option's name, to point at in messages.
    pub resident: Option<Ident>,
    pub hooks: Vec<Expr>,
    pub requests: Requests,
}

impl PluginOptions {
    /// Reads the options; the second value says whether all of them are right.
    pub fn read(tokens: TokenStream, mistakes: &mut Mistakes) -> (Self, bool) {
        let mut own = Mistakes::default();
        let options = Self::parse(tokens, &mut own);
        let are_right = own.is_empty();
        mistakes.append(own);
        (options, are_right)
    }

    fn parse(tokens: TokenStream, mistakes: &mut Mistakes) -> Self {
        let mut options = Self::default();
        for option in read(tokens, mistakes) {
            options.accept(&option, mistakes);
        }
        match &options.name {
            Some(name) => check_name(name, mistakes),
            None => mistakes.add_at(
                Span::call_site(),
                "a plugin needs a name: `#[plugin(name = \"my-plugin\")]`",
            ),
        }
        options
    }

    fn accept(&mut self, option: &Meta, mistakes: &mut Mistakes) {
        let path = option.path();
        if path.is_ident("name") {
            self.name = text(option, mistakes);
        } else if path.is_ident("config") {
            self.config = a_type(option, mistakes);
        } else if path.is_ident("settings") {
            self.settings = a_type(option, mistakes);
        } else if path.is_ident("version") {
            self.version = text(option, mistakes);
        } else if path.is_ident("title") {
            self.title = text(option, mistakes);
        } else if path.is_ident("homepage") {
            self.homepage = text(option, mistakes);
            self.homepage.iter().for_each(|url| check_homepage(url, mistakes));
        } else if path.is_ident("description") {
            self.description = text(option, mistakes);
        } else if path.is_ident("auth_type") {
            self.auth_type = choice(option, &["none", "api_key", "oauth"], mistakes);
        } else if path.is_ident("community_platform_id_key") {
            self.community_platform_id_key = text(option, mistakes);
        } else if path.is_ident("on_config_change") {
            self.on_config_change = choice(option, &["recreate", "keep"], mistakes);
        } else if path.is_ident("requests") {
            self.requests = Requests::parse(option, mistakes);
        } else {
            self.accept_part(option, mistakes);
        }
    }

    /// Takes the options about parts of the plugin.
    fn accept_part(&mut self, option: &Meta, mistakes: &mut Mistakes) {
        let path = option.path();
        if path.is_ident("events") {
            self.events = types(option, mistakes);
        } else if path.is_ident("processes") {
            self.processes = types(option, mistakes);
            remove_twins(&mut self.processes, mistakes);
        } else if path.is_ident("route_keys") {
            self.route_keys = texts(option, mistakes);
            self.route_keys.retain(|pointer| is_pointer(pointer, mistakes));
        } else if path.is_ident("scope") {
            self.scope = choice(option, &["community", "host"], mistakes);
        } else if path.is_ident("resident") {
            flag(option, mistakes);
            self.resident = path.get_ident().cloned();
        } else if path.is_ident("hooks") {
            self.hooks = expressions(option, mistakes);
        } else if path.is_ident("oauth") {
            self.oauth = Some(OAuthOptions::parse(option, mistakes));
        } else {
            unknown(option, KNOWN, mistakes);
        }
    }

    /// Whether the plugin has host scope.
    pub fn is_of_the_host(&self) -> bool {
        self.scope.as_ref().is_some_and(|scope| scope.value() == "host")
    }

    /// Whether the author has chosen what a changed configuration does to an instance.
    pub fn says_what_a_change_does(&self) -> bool {
        self.on_config_change.is_some()
    }
}

/// Notes each process that is listed before, and leaves it out.
fn remove_twins(processes: &mut Vec<Type>, mistakes: &mut Mistakes) {
    let mut seen = Vec::new();
    processes.retain(|process| {
        let name = process.to_token_stream().to_string();
        let is_new = !seen.contains(&name);
        if !is_new {
            mistakes.add(process, format!("`{name}` is listed already; remove it here"));
        }
        seen.push(name);
        is_new
    });
}

fn check_name(name: &LitStr, mistakes: &mut Mistakes) {
    name::check("a plugin's name", name, mistakes);
    if ["api", "driver"].contains(&name.value().as_str()) {
        mistakes.add(name, format!("the name \"{}\" is reserved; choose another", name.value()));
    }
}

fn check_homepage(url: &LitStr, mistakes: &mut Mistakes) {
    if !["https://", "http://"].iter().any(|begin| url.value().starts_with(begin)) {
        mistakes.add(url, "a homepage is a URL that begins with `https://` or `http://`");
    }
}

fn is_pointer(pointer: &LitStr, mistakes: &mut Mistakes) -> bool {
    let known = pointer.value().starts_with('/');
    if !known {
        let message =
            format!("a route key is a JSON Pointer into the config: \"/{}\"", pointer.value());
        mistakes.add(pointer, message);
    }
    known
}
