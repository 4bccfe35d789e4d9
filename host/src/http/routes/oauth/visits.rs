//! Requests to `/auth/…`: visits of people, which begin or complete an authorisation; and requests that only look,
//! which do neither.

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::http::api::Api;
use crate::http::middleware::path::Path;
use crate::http::problem::Problem;

/// Headers by which browsers say that nobody has opened the page yet.
static PURPOSES: [HeaderName; 4] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-purpose"),
    HeaderName::from_static("x-moz"),
];
/// Their values then.
const AHEAD: [&str; 3] = ["prefetch", "prerender", "preview"];

/// A person's visit; prefetching is refused.
pub struct Visit;

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if is_ahead(&parts.headers) { Err(Problem::prefetched()) } else { Ok(Self) }
    }
}

fn is_ahead(headers: &HeaderMap) -> bool {
    let said = PURPOSES.iter().flat_map(|name| headers.get_all(name));
    let mut words =
        said.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split([';', ',', ' ']));
    words.any(|word| AHEAD.iter().any(|ahead| word.eq_ignore_ascii_case(ahead)))
}

/// HEAD: nothing begins, and nothing ends.
pub async fn head_of_visit(
    State(api): State<Arc<Api>>,
    Path(plugin): Path<String>,
) -> Result<Response, Problem> {
    api.oauth.require(&plugin).map_err(Problem::of_browser)?;
    let cache = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok([cache].into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fetched_ahead_of_a_visit_says_so_in_one_of_several_ways() {
        let with = |name: &'static str, value: &'static str| {
            HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))])
        };
        for (name, value) in [
            ("sec-purpose", "prefetch"),
            ("sec-purpose", "prefetch;prerender"),
            ("sec-purpose", "Prefetch; anonymous-client-ip"),
            ("purpose", "prefetch"),
            ("purpose", "prerender"),
            ("x-purpose", "preview"),
            ("x-moz", "prefetch"),
        ] {
            assert!(is_ahead(&with(name, value)), "{name}: {value}");
        }
        assert!(!is_ahead(&with("sec-fetch-dest", "document")));
        assert!(!is_ahead(&with("purpose", "reading")));
    }
}
