//! Which known name a mistyped one was meant for.

/// `; did you mean …?`, if one that is known is near: a part of it or the other way round, alike in case alone, with the
/// same beginning, or but a third of its letters away.
pub fn nearest(key: &str, known: &[&str]) -> String {
    let near = known.iter().filter_map(|one| Some((nearness(key, one)?, one)));
    near.max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, one)| format!("; did you mean `{one}`?"))
        .unwrap_or_default()
}

/// How near, if near enough.
fn nearness(key: &str, one: &str) -> Option<f64> {
    // `limits.cpu_sm` is about a setting of that section.
    let key = if one.contains('.') { key } else { key.rsplit('.').next().unwrap_or(key) };
    let (key, one) = (key.to_lowercase(), one.to_lowercase());
    let (short, long) = if key.len() < one.len() { (&key, &one) } else { (&one, &key) };
    // `type` is a part of `event_type`, however much more of it there is.
    let is_part = short.chars().count() >= 3 && long.contains(short.as_str());
    let letters = long.chars().count();
    let alike = key.chars().zip(one.chars()).take_while(|(a, b)| a == b).count();
    let is_near = strsim::osa_distance(&key, &one) <= letters / 3;
    let likeness = strsim::jaro_winkler(&key, &one);
    match (is_part, is_near || alike * 2 >= letters) {
        (true, _) => Some(1.0 + likeness),
        (false, true) => Some(likeness),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_named_and_nothing_where_nothing_is() {
        let endpoint = ["url", "description", "event_types", "headers", "ordering", "enabled"];
        for (key, known, expected) in [
            ("limits.cpu_sm", &["cpu_ms", "call_ms"][..], "cpu_ms"),
            ("type", &["community", "event_type"], "event_type"),
            ("params", &["parameters"], "parameters"),
            ("urll", &endpoint, "url"),
            ("Tutorial", &["tutorial", "randomness"], "tutorial"),
            ("tutorail", &["randomness", "tutorial"], "tutorial"),
            ("api.exmaple.com", &["api.example.com"], "api.example.com"),
            ("ids", &["id"], "id"),
        ] {
            assert_eq!(nearest(key, known), format!("; did you mean `{expected}`?"));
        }
        for (key, known) in [
            ("secret", &endpoint[..]),
            ("name", &endpoint),
            ("id", &endpoint),
            ("plugin", &["config"]),
            ("files.example.com", &["api.elsewhere.org"]),
            ("anything", &[]),
        ] {
            assert_eq!(nearest(key, known), "", "{key}");
        }
    }
}
