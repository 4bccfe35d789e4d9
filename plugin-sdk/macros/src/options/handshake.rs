//! Unsigned requests by which platforms check a URL: `handshakes(get(query = "hub.challenge"),
//! head)`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{LitStr, Meta, Token};

use super::{choice, read, text, texts, unknown};
use crate::mistakes::Mistakes;

const METHODS: [&str; 5] = ["get", "head", "options", "post", "put"];
const FORM: &str = "handshakes(get(query = \"hub.challenge\"), post(body = \"/challenge\"))";
const KNOWN: &str =
    "`query`, `header`, `body`, `answer`, `json`, `encoding`, `secret` and `secret_query`";

/// One handshake, as the author wrote it.
pub struct HandshakeOptions {
    method: String,
    place: Option<(&'static str, LitStr)>,
    answer: Option<LitStr>,
    json: Vec<LitStr>,
    encoding: Option<LitStr>,
    secret: Option<LitStr>,
    secret_query: Option<LitStr>,
}

/// Reads all handshakes, in order. There may be several for one HTTP method.
pub fn parse(option: &Meta, mistakes: &mut Mistakes) -> Vec<HandshakeOptions> {
    let list = option.require_list().map(|list| list.tokens.clone());
    let parse = |tokens| Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens);
    let Ok(list) = list.and_then(parse) else {
        mistakes.add(option, format!("write `{FORM}`"));
        return Vec::new();
    };
    list.iter().filter_map(|one| HandshakeOptions::parse(one, mistakes)).collect()
}

impl HandshakeOptions {
    fn parse(one: &Meta, mistakes: &mut Mistakes) -> Option<Self> {
        let method = one.path().to_token_stream().to_string();
        if !METHODS.contains(&method.as_str()) {
            let known = METHODS.join("`, `");
            mistakes.add(
                one.path(),
                format!("a handshake begins with its method, one of `{known}`: `{FORM}`"),
            );
            return None;
        }
        let mut options = Self {
            method: method.to_uppercase(),
            place: None,
            answer: None,
            json: Vec::new(),
            encoding: None,
            secret: None,
            secret_query: None,
        };
        let tokens = one.require_list().map(|list| list.tokens.clone()).unwrap_or_default();
        for option in read(tokens, mistakes) {
            options.accept(&option, mistakes);
        }
        options.check(mistakes);
        Some(options)
    }

    fn accept(&mut self, option: &Meta, mistakes: &mut Mistakes) {
        let path = option.path();
        let place = ["query", "header", "body"].into_iter().find(|place| path.is_ident(place));
        if let Some(place) = place {
            if self.place.is_some() {
                mistakes.add(path, "the token is in one place: `query`, `header` or `body`");
            }
            self.place = text(option, mistakes).map(|name| (place, name));
        } else if path.is_ident("answer") {
            self.answer = choice(option, &["echo", "hmac", "export"], mistakes);
        } else if path.is_ident("json") {
            self.json = texts(option, mistakes);
            self.json.retain(|pair| is_pair(pair, mistakes));
        } else if path.is_ident("encoding") {
            self.encoding = choice(option, &["hex", "base64"], mistakes);
        } else if path.is_ident("secret") {
            self.secret = text(option, mistakes);
        } else if path.is_ident("secret_query") {
            self.secret_query = text(option, mistakes);
        } else {
            unknown(option, KNOWN, mistakes);
        }
    }

    /// Notes an option that requests of this HTTP method cannot have.
    fn check(&self, mistakes: &mut Mistakes) {
        let has_body = ["POST", "PUT"].contains(&self.method.as_str());
        if let Some((_, pointer)) =
            self.place.as_ref().filter(|(place, _)| *place == "body" && !has_body)
        {
            let message = format!(
                "a {} request has no body, so no token stands there; write `query` or `header`, or `post(body = …)`",
                self.method
            );
            mistakes.add(pointer, message);
        }
    }

    /// Whether the plugin itself answers it.
    pub fn is_exported(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.value() == "export")
    }

    pub fn to_manifest(&self) -> TokenStream {
        let Self { method, answer, json, encoding, secret, secret_query, .. } = self;
        let place = self.place.iter().map(|(place, name)| {
            let place = syn::Ident::new(place, name.span());
            quote!(.#place(#name))
        });
        let (answer, encoding) = (answer.iter(), encoding.iter());
        let (secret, secret_query) = (secret.iter(), secret_query.iter());
        quote! {
            .handshake(::moothall_sdk::manifest::Handshake::new(#method)
                #(#place)* #(.answer(#answer))* #(.json(#json))* #(.encoding(#encoding))*
                #(.secret(#secret))* #(.secret_query(#secret_query))*)
        }
    }
}

fn is_pair(pair: &LitStr, mistakes: &mut Mistakes) -> bool {
    let good = pair.value().split_once('=').is_some_and(|(name, _)| !name.is_empty());
    if !good {
        mistakes.add(pair, "what is answered is a name and a text: \"challenge={token}\"");
        return false;
    }
    if let Some(unknown) = unknown_placeholder(&pair.value()) {
        mistakes.add(
            pair,
            format!("`{{{unknown}}}` would be answered as it is written; there are `{{token}}` and `{{hmac}}`"),
        );
    }
    good
}

/// A name in braces that the host does not replace.
fn unknown_placeholder(text: &str) -> Option<&str> {
    let names = text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    let is_name = |name: &&str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
    };
    names.filter(is_name).find(|name| !["token", "hmac"].contains(name))
}
