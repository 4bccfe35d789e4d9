//! How the host checks the signature of webhooks: `verify(scheme = "hmac-sha256", secret = "/key",
//! …)`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{LitInt, LitStr, Meta};

use super::{choice, number, read, text, unknown};
use crate::mistakes::Mistakes;

const SCHEMES: [&str; 6] =
    ["hmac-sha256", "slack-v0", "zoom-v0", "stripe", "standard-webhooks", "ed25519"];
const FORM: &str = "verify(scheme = \"slack-v0\", secret = \"settings:signing_secret\")";
const KNOWN: &str = "`scheme`, `secret`, `header`, `prefix`, `encoding` and `tolerance_s`";

/// The options of `verify(…)`.
pub struct VerifyOptions {
    scheme: LitStr,
    secret: LitStr,
    rest: Rest,
}

#[derive(Default)]
struct Rest {
    header: Option<LitStr>,
    prefix: Option<LitStr>,
    encoding: Option<LitStr>,
    tolerance_s: Option<LitInt>,
}

/// What a webhook is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum WebhookOf {
    Instance,
    /// The whole platform.
    Platform,
}

impl VerifyOptions {
    /// The secret of a signature for the whole platform is one of the settings.
    pub fn parse(option: &Meta, of: WebhookOf, mistakes: &mut Mistakes) -> Option<Self> {
        let Ok(list) = option.require_list() else {
            mistakes.add(option, format!("write `{FORM}`"));
            return None;
        };
        let (mut scheme, mut secret, mut rest) = (None, None, Rest::default());
        let options = read(list.tokens.clone(), mistakes);
        let named = |name: &str| options.iter().any(|option| option.path().is_ident(name));
        if !named("scheme") || !named("secret") {
            mistakes.add(option, format!("a signature has a scheme and a secret: `{FORM}`"));
        }
        for option in &options {
            if option.path().is_ident("scheme") {
                scheme = choice(option, &SCHEMES, mistakes);
            } else if option.path().is_ident("secret") {
                secret = text(option, mistakes);
            } else {
                rest.accept(option, mistakes);
            }
        }
        let (scheme, secret) = (scheme?, secret?);
        check_secret(&secret, of, mistakes);
        rest.check(&scheme, mistakes);
        Some(Self { scheme, secret, rest })
    }

    pub fn to_manifest(&self) -> TokenStream {
        let (scheme, secret) = (&self.scheme, &self.secret);
        let Rest { header, prefix, encoding, tolerance_s } = &self.rest;
        let (header, prefix) = (header.iter(), prefix.iter());
        let (encoding, tolerance_s) = (encoding.iter(), tolerance_s.iter());
        quote! {
            ::moothall_sdk::manifest::Verify::new(#scheme, #secret)
                #(.header(#header))*
                #(.prefix(#prefix))*
                #(.encoding(#encoding))*
                #(.tolerance_s(#tolerance_s))*
        }
    }
}

impl Rest {
    fn accept(&mut self, option: &Meta, mistakes: &mut Mistakes) {
        let path = option.path();
        if path.is_ident("header") {
            self.header = text(option, mistakes);
        } else if path.is_ident("prefix") {
            self.prefix = text(option, mistakes);
        } else if path.is_ident("encoding") {
            self.encoding = choice(option, &["hex", "base64"], mistakes);
        } else if path.is_ident("tolerance_s") {
            self.tolerance_s = number(option, mistakes);
        } else {
            unknown(option, KNOWN, mistakes);
        }
    }

    fn check(&self, scheme: &LitStr, mistakes: &mut Mistakes) {
        if scheme.value() == "hmac-sha256" && self.header.is_none() {
            mistakes.add(
                scheme,
                "`hmac-sha256` needs the header with the signature: `header = \"X-Signature\"`",
            );
        }
        self.check_use(scheme, mistakes);
    }

    /// Notes each option that the scheme does not use.
    fn check_use(&self, scheme: &LitStr, mistakes: &mut Mistakes) {
        let name = scheme.value();
        let mut unused = |option: &str, value: Option<&dyn ToTokens>, of: &str| {
            if let Some(value) = value {
                let message = format!("`{name}` has no use for `{option}`, {of}; remove it");
                mistakes.add(value, message);
            }
        };
        fn tokens<T: ToTokens>(value: &Option<T>) -> Option<&dyn ToTokens> {
            value.as_ref().map(|value| value as &dyn ToTokens)
        }
        if name == "hmac-sha256" {
            unused(
                "tolerance_s",
                tokens(&self.tolerance_s),
                "which is for schemes that sign a timestamp",
            );
            return;
        }
        let of = "which is for `hmac-sha256`";
        unused("header", tokens(&self.header), of);
        unused("prefix", tokens(&self.prefix), of);
        unused("encoding", tokens(&self.encoding), of);
    }
}

fn check_secret(secret: &LitStr, of: WebhookOf, mistakes: &mut Mistakes) {
    let text = secret.value();
    let setting = text.starts_with("settings:");
    if of == WebhookOf::Platform && !setting {
        mistakes.add(
            secret,
            "a webhook of the whole platform has no config; write \"settings:<name>\"",
        );
    } else if !setting && !text.starts_with('/') {
        mistakes.add(
            secret,
            format!(
                "a secret is a JSON Pointer into the config, \"/{text}\", or \"settings:{text}\""
            ),
        );
    }
}
