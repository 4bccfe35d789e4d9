//! Methods with attributes of their own beside actions: webhooks, the producer, OAuth. Each is there
//! at most once, and its types are the SDK's own.

use syn::{Ident, Signature, Type};

use super::{check_shape, is_unit, parameter_types, parameters_span, result_type};
use crate::mistakes::Mistakes;
use crate::options::hook::HookOptions;

/// Which of them a method is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Webhook,
    GlobalWebhook,
    Handshake,
    Producer,
    AuthorizeUrl,
    OauthCallback,
}

/// A method whose signature is right.
pub struct Hook {
    pub kind: Kind,
    pub method: Ident,
    pub options: HookOptions,
}

impl Kind {
    /// The kind that an attribute of this name makes.
    pub fn of(attribute: &Ident) -> Option<Self> {
        let all = [
            Self::Webhook,
            Self::GlobalWebhook,
            Self::Handshake,
            Self::Producer,
            Self::AuthorizeUrl,
            Self::OauthCallback,
        ];
        all.into_iter().find(|kind| *attribute == kind.attribute())
    }

    pub fn attribute(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::GlobalWebhook => "global_webhook",
            Self::Handshake => "handshake",
            Self::Producer => "producer",
            Self::AuthorizeUrl => "authorize_url",
            Self::OauthCallback => "oauth_callback",
        }
    }

    fn form(self, name: &Ident) -> String {
        let rest = match self {
            Self::Webhook | Self::Handshake => {
                "(&self, request: WebhookRequest) -> Result<WebhookResponse>"
            }
            Self::GlobalWebhook => "(&self, request: WebhookRequest) -> Result<Routed>",
            Self::Producer => "(&self) -> Result<()>",
            Self::AuthorizeUrl => "(&self, request: AuthorizeRequest) -> Result<String>",
            Self::OauthCallback => "(&self, callback: OAuthCallback) -> Result<Authorized>",
        };
        format!("fn {name}{rest}")
    }

    fn parameter(self) -> Option<&'static str> {
        match self {
            Self::Webhook | Self::GlobalWebhook | Self::Handshake => Some("WebhookRequest"),
            Self::Producer => None,
            Self::AuthorizeUrl => Some("AuthorizeRequest"),
            Self::OauthCallback => Some("OAuthCallback"),
        }
    }

    fn has_result(self, result: &Type) -> bool {
        match self {
            Self::Webhook => is_webhook_answer(result),
            Self::GlobalWebhook => is_named(result, "Routed"),
            Self::Handshake => is_named(result, "WebhookResponse"),
            Self::Producer => is_unit(result),
            Self::AuthorizeUrl => is_named(result, "String"),
            Self::OauthCallback => is_named(result, "Authorized"),
        }
    }
}

impl Hook {
    /// What a method with an attribute of this kind is; a wrong signature is noted.
    pub fn read(
        kind: Kind,
        options: HookOptions,
        signature: &Signature,
        mistakes: &mut Mistakes,
    ) -> Self {
        let form = kind.form(&signature.ident);
        check_shape(signature, &form, mistakes);
        check_parameter(kind.parameter(), signature, &form, mistakes);
        let result = result_type(signature, &form, mistakes);
        if let Some(result) = result.filter(|result| !kind.has_result(result)) {
            mistakes.add(result, format!("this method has another result; write `{form}`"));
        }
        Self { kind, method: signature.ident.clone(), options }
    }
}

/// What a webhook's receiver may return.
pub fn is_webhook_answer(result: &Type) -> bool {
    is_unit(result) || is_named(result, "WebhookResponse") || is_named(result, "Option")
}

/// Notes a mistake unless there is exactly this parameter beside `self`.
pub fn check_parameter(
    expected: Option<&str>,
    signature: &Signature,
    form: &str,
    mistakes: &mut Mistakes,
) {
    let types = parameter_types(&signature.inputs);
    match (types.as_slice(), expected) {
        ([], None) => {}
        ([only], Some(expected)) if is_named(only, expected) => {}
        ([only], Some(_)) => {
            mistakes.add(only, format!("`{}` takes another type; write `{form}`", signature.ident));
        }
        _ => mistakes.add_at(
            parameters_span(signature),
            format!("`{}` has other parameters; write `{form}`", signature.ident),
        ),
    }
}

pub fn is_named(found: &Type, name: &str) -> bool {
    matches!(found, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
}

/// Notes each kind that there is twice, and OAuth of which there is only half.
pub fn checked(hooks: Vec<Hook>, mistakes: &mut Mistakes) -> Vec<Hook> {
    let mut unique: Vec<Hook> = Vec::new();
    for hook in hooks {
        match unique.iter().find(|earlier| earlier.kind == hook.kind) {
            Some(earlier) => {
                let message = format!(
                    "`{}` has `#[{}]` already; a plugin has one",
                    earlier.method,
                    hook.kind.attribute()
                );
                mistakes.add(&hook.method, message);
            }
            None => unique.push(hook),
        }
    }
    check_oauth(&unique, mistakes);
    check_handshakes(&unique, mistakes);
    unique
}

/// A handshake that the plugin answers takes both: that it is declared, and a method.
fn check_handshakes(hooks: &[Hook], mistakes: &mut Mistakes) {
    let exported = |hook: &&Hook| hook.options.handshakes.iter().any(|one| one.is_exported());
    let declared = hooks.iter().find(exported);
    let method = hooks.iter().find(|hook| hook.kind == Kind::Handshake);
    match (declared, method) {
        (Some(hook), None) => {
            let form = Kind::Handshake.form(&Ident::new("greet", hook.method.span()));
            mistakes.add(
                &hook.method,
                format!("a handshake with `answer = \"export\"` takes a method; add `#[handshake] {form}`"),
            );
        }
        (None, Some(hook)) => mistakes.add(
            &hook.method,
            "no handshake leads here; add `handshakes(get(query = \"challenge\", answer = \"export\"))` to `#[webhook(…)]`",
        ),
        _ => {}
    }
}

fn check_oauth(hooks: &[Hook], mistakes: &mut Mistakes) {
    for (there, missing) in
        [(Kind::AuthorizeUrl, Kind::OauthCallback), (Kind::OauthCallback, Kind::AuthorizeUrl)]
    {
        let has = |kind| hooks.iter().find(|hook: &&Hook| hook.kind == kind);
        if let (Some(there), None) = (has(there), has(missing)) {
            let message = format!(
                "OAuth takes two methods; add `#[{}] {}`",
                missing.attribute(),
                missing.form(&Ident::new(missing.attribute(), there.method.span()))
            );
            mistakes.add(&there.method, message);
        }
    }
}
