//! The events that plugins declare, and which subscriptions probably match none of them.

use std::collections::BTreeMap;

use crate::nearest::nearest;
use crate::subscriptions::{covers, matches};

/// Sources, each with the types of events that it declares.
#[derive(Debug, Default)]
pub struct Declared(pub BTreeMap<String, Vec<String>>);

impl Declared {
    /// Why a pattern probably matches nothing. This is a warning and no error, because a driver may publish any
    /// source and type.
    pub fn doubt(&self, pattern: &str) -> Option<String> {
        if let Some((source, kind)) = pattern.split_once(':') {
            let types = self.0.get(source).filter(|types| !types.is_empty())?;
            let is_known =
                types.iter().any(|one| matches(pattern, source, one) || covers(kind, one));
            let known: Vec<&str> = types.iter().map(String::as_str).collect();
            return (!is_known).then(|| {
                format!(
                    "matches no event that `{source}` declares{}",
                    nearest(kind.trim_end_matches('*'), &known)
                )
            });
        }
        // `discourse.post_created` is the full type of an event; a subscription has a colon.
        let (source, kind) = pattern.split_once('.')?;
        let is_declared = |(source, types): (&String, &Vec<String>)| {
            types.iter().any(|one| matches(pattern, source, one))
        };
        let is_meant = self.0.contains_key(source) && !self.0.iter().any(is_declared);
        is_meant.then(|| full_name(source, kind))
    }
}

/// The warning for a pattern that is an event's full type.
pub fn full_name(source: &str, kind: &str) -> String {
    format!(
        "is a type of any source and most likely matches nothing: events of `{source}` are `{source}:{kind}`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_most_likely_matches_nothing_is_doubted() {
        let types = |types: &[&str]| types.iter().map(|one| (*one).to_owned()).collect();
        let declared = Declared(BTreeMap::from([
            ("discourse".to_owned(), types(&["post_created", "a:b"])),
            ("quiet".to_owned(), Vec::new()),
        ]));
        for good in [
            "*",
            "post_created",
            "discourse:*",
            "discourse:post_*",
            "discourse:a:b",
            "quiet:anything",
            "elsewhere:anything",
            "org.example.thing",
        ] {
            assert_eq!(declared.doubt(good), None, "{good}");
        }
        for (bad, meant) in [
            ("discourse.post_created", "`discourse:post_created`"),
            ("discourse.*", "`discourse:*`"),
            ("quiet.anything", "`quiet:anything`"),
            ("discourse:post_craeted", "did you mean `post_created`?"),
        ] {
            let doubt = declared.doubt(bad).unwrap_or_default();
            assert!(doubt.contains(meant), "{bad}: {doubt}");
        }
    }
}
