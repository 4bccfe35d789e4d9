//! Which community and instance a request is for: two headers; the platform's id may also come as a query parameter.

use axum::http::{HeaderMap, HeaderName};
use serde::Deserialize;

use crate::http::problem::Problem;

pub const COMMUNITY: HeaderName = HeaderName::from_static("x-metagov-community");
pub const PLATFORM: HeaderName = HeaderName::from_static("x-metagov-platform-id");

/// The part of a query that chooses an instance.
#[derive(Debug, Default, Deserialize)]
pub struct InstanceQuery {
    pub community_platform_id: Option<String>,
}

/// The slug in `X-Metagov-Community`.
pub fn community(headers: &HeaderMap) -> Result<&str, Problem> {
    let missing = || Problem::missing_header("X-Metagov-Community");
    text_of(headers, &COMMUNITY)?.ok_or_else(missing)
}

/// `community_platform_id` from the header, or else from the query.
pub fn platform_id<'a>(
    headers: &'a HeaderMap,
    query: Option<&'a str>,
) -> Result<Option<&'a str>, Problem> {
    let header = platform_header(headers)?;
    Ok(header.or(query))
}

/// `community_platform_id` in `X-Metagov-Platform-Id`.
pub fn platform_header(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    text_of(headers, &PLATFORM)
}

fn text_of<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let refusal = |_| Problem::bad_request(format!("The header '{name}' must be ASCII"));
    headers.get(name).map(|value| value.to_str().map_err(refusal)).transpose()
}
