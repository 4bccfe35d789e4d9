//! Checks URLs among the settings: one that cannot be used is refused.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use url::Url;

use moothall_values::destination::{CheckedUrl, web_url};

/// `[oauth] redirects`
pub fn redirects<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Url>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let refuse = |text: &str, wrong: String| D::Error::custom(format!("`{text}`: {wrong}"));
    texts.iter().map(|text| redirect(text).map_err(|wrong| refuse(text, wrong))).collect()
}

/// Each is compared whole (RFC 9700, 2.1), except for the query, so a pattern would never match.
fn redirect(text: &str) -> Result<Url, String> {
    let url = web_url(text)?;
    if text.contains('*') {
        return Err(
            "it has a `*`, and each of these is one URL, not a pattern; list every URL".to_owned()
        );
    }
    if url.query().is_some() {
        return Err(
            "it has a query, and only origin and path are compared; leave it out".to_owned()
        );
    }
    Ok(url)
}

/// `[http] public_url`
pub fn public_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let refuse = |wrong: String| D::Error::custom(format!("`{text}`: {wrong}"));
    let url = web_url(&text).map_err(refuse)?;
    if text.contains('*') || url.query().is_some() {
        return Err(refuse("it is one address, without `*` and query".to_owned()));
    }
    Ok(Some(url))
}

/// `[driver] event_receiver_url`. The message does not repeat it, because it may contain a secret.
pub fn receiver_url<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.as_deref().map(CheckedUrl::parse).transpose().map_err(D::Error::custom)?;
    Ok(text)
}
