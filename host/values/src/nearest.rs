//! Suggests the known name for a mistyped one.

/// `; did you mean …?`, if a known name is near: it contains the other or is contained in it, differs only in
/// case, begins alike, or differs in at most a third of its letters.
pub fn nearest(key: &str, known: &[&str]) -> String {
    let near = known.iter().filter_map(|one| Some((nearness(key, one)?, one)));
    near.max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, one)| format!("; did you mean `{one}`?"))
        .unwrap_or_default()
}

/// How alike the two are (more is nearer), if they are near enough.
fn nearness(key: &str, one: &str) -> Option<f64> {
    // For `limits.cpu_sm` a setting of that section is meant.
    let key = if one.contains('.') { key } else { key.rsplit('.').next().unwrap_or(key) };
    let (key, one) = (key.to_lowercase(), one.to_lowercase());
    let (short, long) = if key.len() < one.len() { (&key, &one) } else { (&one, &key) };
    // `type` is near `event_type`, although most letters differ.
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
