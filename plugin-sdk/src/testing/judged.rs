//! Checks a plugin's results, as the real host does before it commits the call.

use std::collections::BTreeMap;

use moothall_values::bounds::{RESPONSE_HEADER_BYTES, RESPONSE_HEADERS, RESULT_BYTES};
use moothall_values::json::{self, Exact};
use moothall_values::manifest::Manifest;

use super::world::World;
use crate::hooks::Kind;
use crate::oauth::{AuthorizeType, Authorized};
use crate::{Error, Result, Verdict, WebhookResponse};

/// Refuses a halt with an exception that the plugin's own hook does not declare.
pub fn verdict(manifest: &Manifest, hook: &str, verdict: &Verdict) -> Result<()> {
    let Kind::Halt(exception, _) = &verdict.0 else { return Ok(()) };
    let Some(declared) = manifest.hooks.iter().find(|one| one.name == hook) else { return Ok(()) };
    if declared.exceptions.contains(exception) {
        return Ok(());
    }
    Err(bad_output(format!(
        "the hook '{hook}' has no exception '{exception}', and would not halt; add `.exception(\"{exception}\")` to it"
    )))
}

/// Refuses an answer that the real host would refuse: an invalid status, or too many bytes or headers.
pub fn response(response: WebhookResponse) -> Result<WebhookResponse> {
    let (status, headers, body) = response.parts();
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if !(200..600).contains(&status) {
        return Err(bad_output(format!(
            "the plugin responded with status {status}, which is no answer"
        )));
    }
    let limits = [
        ("bytes in its body", body.len(), RESULT_BYTES),
        ("headers", headers.len(), RESPONSE_HEADERS),
        ("bytes of headers", bytes, RESPONSE_HEADER_BYTES),
    ];
    match limits.iter().find(|(_, has, most)| has > most) {
        Some((what, has, most)) => {
            Err(bad_output(format!("the response has {has} {what}, at most {most} are allowed")))
        }
        None => Ok(response),
    }
}

/// Refuses a result that the host cannot carry.
pub fn result(result: &str) -> Result<()> {
    if result.len() > RESULT_BYTES {
        return Err(bad_output(format!(
            "the result has {} bytes, at most {RESULT_BYTES} are allowed",
            result.len()
        )));
    }
    json::check(result).map_err(|refusal| bad_output(refusal.of("the plugin's result")))
}

/// Refuses the result of an authorisation if it is not what was authorised, or if the plugin itself refuses its
/// configuration.
pub fn authorized(world: &World, kind: AuthorizeType, authorized: &Authorized) -> Result<()> {
    let bad = |what: &str| Err(bad_output(format!("the plugin's handle-callback: {what}")));
    let (config, account) = authorized.parts();
    match (kind, config, account) {
        (AuthorizeType::App, None, _) => return bad("for `app` it answers a `config`"),
        (AuthorizeType::User, _, None) => return bad("for `user` it answers an `account`"),
        _ => {}
    }
    let platform = account.and_then(|account| account.platform_type.as_deref());
    if let Some(platform) = platform.filter(|one| !world.has_accounts_of(one)) {
        return bad(&format!("accounts of `{platform}` are not this plugin's"));
    }
    // An authorisation of a person's account changes no configuration.
    let Some(config) = config.filter(|_| kind == AuthorizeType::App) else { return Ok(()) };
    let Err(wrong) = world.checked(config.clone(), &BTreeMap::new()) else { return Ok(()) };
    let places = wrong.iter().map(|one| format!("config{}: {}", one.path, one.message));
    Err(bad_output(format!(
        "The config of plugin '{}' is not valid: {}",
        world.plugin(),
        places.collect::<Vec<_>>().join("; ")
    )))
}

/// The place of an integer of more than 64 bits, which a `Value` would read as the nearest float.
pub fn too_wide_for_a_value(text: &str) -> Option<String> {
    let tokens = Exact::of(text).ok()?;
    let (path, token) = tokens.find(&|token| {
        let is_integer = token.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
        is_integer && token.parse::<u64>().is_err() && token.parse::<i64>().is_err()
    })?;
    let place = if path.is_empty() { String::new() } else { format!(" at {path}") };
    Some(format!(
        "the answer has{place} the integer {token}, which a `serde_json::Value` does not hold; take the answer as a type of yours: `Host::action_as::<Answer>(…)`"
    ))
}

/// An error for what the real host answers with 502, `plugin_bad_output` or `plugin_limit`.
pub fn bad_output(message: String) -> Error {
    Error::internal(message)
}

#[cfg(test)]
mod tests {
    use super::too_wide_for_a_value;

    #[test]
    fn an_integer_that_no_value_holds_is_found_with_its_place() {
        let said = too_wide_for_a_value(r#"{"a":[1,18446744073709551616]}"#).expect("it is found");
        assert!(said.contains("at /a/1 the integer 18446744073709551616"), "{said}");
        let said = too_wide_for_a_value("-9223372036854775809").expect("it is found");
        assert!(said.contains("has the integer -9223372036854775809"), "{said}");
        for good in ["18446744073709551615", "-9223372036854775808", "1e30", r#""1e30""#, "true"] {
            assert_eq!(too_wide_for_a_value(good), None, "{good}");
        }
    }
}
