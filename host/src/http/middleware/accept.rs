//! Reads the `Accept` header (RFC 9110, 12.5.1): which media types a client wants, and how much.

use axum::http::{HeaderMap, header};

/// The quality of that type, at most 1; none if it is not named, or excluded.
pub fn wanted(headers: &HeaderMap, kind: &str) -> Option<f32> {
    let accepted = headers.get_all(header::ACCEPT).into_iter();
    let named = accepted.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let of_kind = named.filter_map(|one| {
        let mut parts = one.split(';').map(str::trim);
        parts.next().filter(|name| name.eq_ignore_ascii_case(kind))?;
        Some(parts.find_map(quality).unwrap_or(1.0))
    });
    of_kind.reduce(f32::max).filter(|quality| *quality > 0.0)
}

fn quality(parameter: &str) -> Option<f32> {
    let (name, value) = parameter.split_once('=')?;
    name.trim_end().eq_ignore_ascii_case("q").then(|| value.trim().parse().ok()).flatten()
}

/// Whether a failure is JSON although the route answers with pages.
pub fn wants_json(headers: &HeaderMap) -> bool {
    let wants = |kind: &str| wanted(headers, kind).is_some();
    (wants("application/json") || wants("application/problem+json")) && !wants("text/html")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn what_is_named_with_nothing_of_it_is_not_wanted() {
        let of = |value: &'static str| {
            HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(value))])
        };
        for (value, expected) in [
            ("text/event-stream", Some(1.0)),
            ("application/json;q=0.1, Text/Event-Stream ; charset=utf-8; Q=0.5", Some(0.5)),
            ("text/event-stream;q=0", None),
            ("text/event-stream; q=0.000, application/json", None),
            ("text/event-streams", None),
            ("*/*", None),
        ] {
            assert_eq!(wanted(&of(value), "text/event-stream"), expected, "{value}");
        }
    }
}
