//! Which events a subscription matches: of an endpoint, a worker or a grant.

use crate::names::is_event_type;

/// The source of events of the API itself, which only a literal name matches.
const API: &str = "api";

/// The pattern by which a worker gets all events of a successful call at once.
pub const SENDING: &str = "sending_event";

/// What an endpoint subscribes to: `source:type`, or `type` of any source, with `*` only at the end.
pub fn matches(pattern: &str, source: &str, event_type: &str) -> bool {
    // `api.change` is the event's full type, by which people know it; it means no other source's event.
    if let Some(kind) = pattern.strip_prefix("api.") {
        return source == API && kind == event_type;
    }
    let (of, kind) = parts(pattern);
    if source == API {
        return of == Some(API) && kind == event_type;
    }
    of.is_none_or(|of| of == source)
        && match kind.strip_suffix('*') {
            Some(begin) => event_type.starts_with(begin),
            None => event_type == kind,
        }
}

/// Whether whatever `narrow` matches, `wide` matches too.
pub fn covers(wide: &str, narrow: &str) -> bool {
    let ((wide_of, wide_kind), (of, kind)) = (parts(wide), parts(narrow));
    // Events of the API are named literally.
    if of == Some(API) || narrow.starts_with("api.") {
        return wide == narrow;
    }
    wide_of.is_none_or(|wide| of == Some(wide))
        && match wide_kind.strip_suffix('*') {
            Some(begin) => kind.strip_suffix('*').unwrap_or(kind).starts_with(begin),
            None => wide_kind == kind,
        }
}

/// The source, if the pattern names one, and the type.
fn parts(pattern: &str) -> (Option<&str>, &str) {
    pattern.split_once(':').map_or((None, pattern), |(of, kind)| (Some(of), kind))
}

/// Why a text is no valid pattern.
pub fn pattern_fault(pattern: &str) -> Option<&'static str> {
    let kind = pattern.split_once(':').map_or(pattern, |(_, kind)| kind);
    let begin = kind.strip_suffix('*').unwrap_or(kind);
    let source = pattern.split_once(':').map(|(source, _)| source);
    if pattern.contains('*') && (begin.contains('*') || source.is_some_and(|of| of.contains('*'))) {
        return Some("`*` may stand only at its end");
    }
    if source.is_some_and(|source| !is_event_type(source)) {
        return Some("before the first `:` stands a source");
    }
    if kind != "*" && !is_event_type(begin) {
        return Some("an event type matches [A-Za-z0-9_.: -]{1,100}");
    }
    None
}

/// The names of the API's events; no pattern but these matches them.
const OF_API: [&str; 2] = ["api.change", "api:change"];
/// The message for a pattern of which `matches_nothing` is true.
pub const MATCHES_NOTHING: &str = "matches nothing: the only event of the API is `api.change`";

/// Whether it means events of the API, but not by their name, so that it matches nothing.
pub fn matches_nothing(pattern: &str) -> bool {
    is_of_api(pattern) && !OF_API.contains(&pattern)
}

/// Whether it means events of the API.
pub fn is_of_api(pattern: &str) -> bool {
    pattern.starts_with("api.") || pattern.starts_with("api:")
}

/// Whether one of the patterns matches the event; events of the API only by their name.
pub fn names_event(patterns: &[String], source: &str, event_type: &str) -> bool {
    let is_sending = source == "api" && event_type == SENDING;
    patterns.iter().any(|one| match one == SENDING {
        // A plugin's event of this name is not meant.
        true => is_sending,
        false => matches(one, source, event_type),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscriptions_match_by_source_and_type() {
        for (pattern, source, event_type, expected) in [
            ("*", "discourse", "post_created", true),
            ("post_created", "discourse", "post_created", true),
            ("post_created", "slack", "post_created", true),
            ("post_created", "discourse", "post_created_late", false),
            ("post*", "discourse", "post_created", true),
            ("discourse:*", "discourse", "post_created", true),
            ("discourse:*", "slack", "post_created", false),
            ("discourse:a:b", "discourse", "a:b", true),
            ("*", "api", "change", false),
            ("api:*", "api", "change", false),
            ("change", "api", "change", false),
            ("api.change", "api", "change", true),
            ("api.change", "slack", "api.change", false),
            ("slack:api.change", "slack", "api.change", true),
            ("api:change", "api", "change", true),
        ] {
            assert_eq!(
                matches(pattern, source, event_type),
                expected,
                "{pattern} {source}:{event_type}"
            );
        }
    }

    #[test]
    fn a_pattern_covers_what_matches_less() {
        for (wide, narrow) in [
            ("*", "discourse:*"),
            ("*", "post*"),
            ("discourse:*", "discourse:post_created"),
            ("post*", "discourse:post_*"),
            ("post_created", "slack:post_created"),
            ("api.change", "api.change"),
        ] {
            assert!(covers(wide, narrow), "{wide} {narrow}");
        }
        for (wide, narrow) in [
            ("discourse:*", "*"),
            ("discourse:*", "slack:*"),
            ("post_created", "post*"),
            ("*", "api.change"),
            ("*", "api:change"),
        ] {
            assert!(!covers(wide, narrow), "{wide} {narrow}");
        }
    }

    #[test]
    fn a_star_stands_at_the_end_alone() {
        for good in ["*", "a*", "discourse:*", "post_created", "a:b:c", "api.change"] {
            assert_eq!(pattern_fault(good), None, "{good}");
        }
        for never in ["api.*", "api:*", "api.changes"] {
            assert!(matches_nothing(never), "{never}");
        }
        for pattern in ["*", "api.change", "api:change", "slack:api.changes"] {
            assert!(!matches_nothing(pattern), "{pattern}");
        }
        for bad in ["", "*a", "a*b", "**", "*:a", "a*:b", ":a", "a:", "ä"] {
            assert!(pattern_fault(bad).is_some(), "{bad}");
        }
    }
}
