//! Reads what a plugin's `handle-callback` returns. It may contain tokens, so no message quotes it.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::flow::FlowKind;
use super::redirects::{Redirects, WebUrl};
use crate::plugins::Plugin;
use moothall_core::effects::{Claim, LinkQuality, LinkType};
use moothall_core::ids::PersonId;
use moothall_guest::{Fault, Output};

/// Parameters that a plugin may add to the redirect.
const PARAMETERS: usize = 32;
/// The most bytes of all their names and values together.
const PARAMETER_BYTES: usize = 4_096;
/// Parameters that the host sets.
const RESERVED: [&str; 4] = ["state", "community", "error", "error_description"];

/// A plugin's answer as it is sent.
#[derive(Deserialize)]
struct SentTokenRequest<'t> {
    #[serde(borrow)]
    config: Option<&'t RawValue>,
    #[serde(borrow)]
    account: Option<&'t RawValue>,
    redirect: Option<Value>,
}

/// A plugin's answer, valid in form.
pub struct TokenAnswer {
    /// A JSON text.
    pub config: Option<String>,
    pub claim: Option<Claim>,
    /// Replaces the driver's redirect URL.
    pub redirect: Option<WebUrl>,
    pub parameters: Vec<(String, String)>,
}

/// What an answer is checked against.
pub struct Expected {
    pub redirects: Arc<Redirects>,
    pub plugin: Arc<Plugin>,
    pub kind: FlowKind,
    /// The person who is logged in.
    pub person: Option<PersonId>,
}

impl Expected {
    /// Reads the answer; the account is the logged-in person's, if there is one.
    pub fn answer(&self, output: &Output) -> Result<TokenAnswer, Fault> {
        let Self { kind, person, .. } = *self;
        let (grants, platform) = (&self.plugin.context.grants, self.plugin.name.as_str());
        let text = match output {
            Output::Text(text) => text.as_deref(),
            _ => None,
        };
        let bad = |what: &str| Fault::BadOutput(format!("the plugin's handle-callback: {what}"));
        let object = text.filter(|text| text.trim_start().starts_with('{'));
        let sent: Option<SentTokenRequest<'_>> =
            object.and_then(|text| serde_json::from_str(text).ok());
        let SentTokenRequest { config, account, redirect } =
            sent.ok_or_else(|| bad("the answer is no JSON object"))?;
        match (kind, &config, &account) {
            (FlowKind::App, None, _) => return Err(bad("for `app` it answers a `config`")),
            (FlowKind::User, _, None) => return Err(bad("for `user` it answers an `account`")),
            _ => {}
        }
        let claim = account.map(|account| claim(account.get(), platform, person)).transpose();
        let claim = claim.map_err(|_| bad("its `account` is not as in `accounts.link`"))?;
        if let Some(claim) = &claim {
            let may = grants.may_have_accounts(&claim.key.platform_type);
            may.map_err(|why| bad(&why))?;
        }
        let url = redirect.as_ref().and_then(|redirect| redirect.get("url"));
        let url = url.filter(|url| !url.is_null());
        let url = url.map(|url| self.redirects.check(url.as_str().unwrap_or_default())).transpose();
        let url = url.map_err(|why| bad(&format!("its redirect is not allowed: {why}")))?;
        let parameters = redirect.as_ref().and_then(|redirect| redirect.get("parameters"));
        let parameters = parameters.map_or(Some(Vec::new()), self::parameters);
        let parameters =
            parameters.ok_or_else(|| bad("its parameters are too many, or no texts"))?;
        // Linking a person's account changes no config.
        let config = config.filter(|_| kind == FlowKind::App).map(|config| config.get().to_owned());
        Ok(TokenAnswer { config, claim, redirect: url, parameters })
    }
}

/// The account that was just authorised: a strongly confirmed claim, unless the plugin says otherwise.
fn claim(account: &str, platform: &str, person: Option<PersonId>) -> Result<Claim, String> {
    let mut claim = Claim::parse_or(account, Some(platform), LinkQuality::Strong)?;
    claim.link_type = Some(LinkType::OAuth);
    claim.person = person.or(claim.person);
    Ok(claim)
}

fn parameters(value: &Value) -> Option<Vec<(String, String)>> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    };
    let texts = |value: &Value| match value {
        // The name is repeated for each.
        Value::Array(all) => all.iter().map(text).collect::<Option<Vec<_>>>(),
        one => text(one).map(|text| vec![text]),
    };
    let given = value.as_object()?.iter().filter(|(name, _)| !RESERVED.contains(&name.as_str()));
    let mut pairs = Vec::new();
    for (name, value) in given {
        pairs.extend(texts(value)?.into_iter().map(|text| (name.clone(), text)));
    }
    let bytes: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    (pairs.len() <= PARAMETERS && bytes <= PARAMETER_BYTES).then_some(pairs)
}
