//! What a plugin's `handle-callback` answers, taken apart. It may hold tokens: nothing of it is quoted.

use serde_json::Value;

use super::OAuth;
use super::flow::Kind;
use crate::effects::{Claim, LinkQuality, LinkType};
use crate::grants::Grants;
use crate::guest::Fault;
use crate::ids::PersonId;

/// Parameters that a plugin may add to the redirect.
const PARAMETERS: usize = 32;
/// Longest name and value of all of them together, in bytes.
const PARAMETER_BYTES: usize = 4_096;
/// Parameters that the host answers for.
const RESERVED: [&str; 4] = ["state", "community", "error", "error_description"];

/// A plugin's answer, valid in form.
pub struct Answer {
    pub config: Option<Value>,
    pub claim: Option<Claim>,
    /// In place of the driver's own.
    pub redirect: Option<url::Url>,
    pub parameters: Vec<(String, String)>,
}

impl OAuth {
    /// Takes the answer apart; the account is the logged-in person's, if there is one.
    pub(super) fn answer(
        &self,
        text: Option<&str>,
        kind: Kind,
        grants: &Grants,
        platform: &str,
        person: Option<PersonId>,
    ) -> Result<Answer, Fault> {
        let bad = |what: &str| Fault::BadOutput(format!("the plugin's handle-callback: {what}"));
        let mut value: Value = text
            .and_then(|text| serde_json::from_str(text).ok())
            .filter(Value::is_object)
            .ok_or_else(|| bad("the answer is no JSON object"))?;
        let mut take = |name: &str| Some(value.get_mut(name)?.take()).filter(|one| !one.is_null());
        let (config, account, redirect) = (take("config"), take("account"), take("redirect"));
        match (kind, &config, &account) {
            (Kind::App, None, _) => return Err(bad("for `app` it answers a `config`")),
            (Kind::User, _, None) => return Err(bad("for `user` it answers an `account`")),
            _ => {}
        }
        let claim = account.map(|account| claim(account, platform, person)).transpose();
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
        // A person's account changes no configuration.
        let config = config.filter(|_| kind == Kind::App);
        Ok(Answer { config, claim, redirect: url, parameters })
    }
}

/// The account that was authorised just now, which is as sure as can be unless the plugin knows better.
fn claim(mut account: Value, platform: &str, person: Option<PersonId>) -> Result<Claim, String> {
    let quality = account.get("link_quality").filter(|quality| !quality.is_null());
    if quality.is_none()
        && let Some(account) = account.as_object_mut()
    {
        account.insert("link_quality".to_owned(), LinkQuality::Strong.as_str().into());
    }
    let mut claim = Claim::parse(account, Some(platform))?;
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
    let given = value.as_object()?.iter().filter(|(name, _)| !RESERVED.contains(&name.as_str()));
    let pairs = given.map(|(name, value)| Some((name.clone(), text(value)?)));
    let pairs: Vec<_> = pairs.collect::<Option<_>>()?;
    let bytes: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    (pairs.len() <= PARAMETERS && bytes <= PARAMETER_BYTES).then_some(pairs)
}
