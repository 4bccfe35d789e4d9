//! The reference of metrics, in Markdown, made of their declarations: the chapter of the book, and what
//! `moothall reference metrics` prints.

use super::metric;

/// What the page says before the metrics.
const BEGIN: &str = "\
# Metrics

Made from the program by `cargo xtask reference`; do not edit it. `moothall reference metrics` prints the page of the
version that you have.

`/metrics` shows these in the text format of Prometheus. A series appears with the first thing that it counts. Beyond
`[metrics] lines`, and `[metrics] plugin_lines` of one plugin, further series are counted under the label `other`.
";

pub fn reference() -> String {
    let mut page = BEGIN.to_owned();
    for one in metric::all() {
        let labels: Vec<String> = one.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = match labels.as_slice() {
            [] => String::new(),
            labels => format!(" Labels: {}.", labels.join(", ")),
        };
        let (name, help, kind, unit) = (one.name, one.help.trim(), one.kind, one.unit);
        page.push_str(&format!("\n### `{name}`\n\n{help}\n\n{kind}. Unit: {unit}.{labels}\n"));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALERTS: &str = include_str!("../../../packaging/alerts.yml");
    const DASHBOARD: &str = include_str!("../../../packaging/dashboard.json");

    /// The metrics that a text names; of a histogram, its series.
    fn named(text: &str) -> impl Iterator<Item = &str> {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let metrics =
            words.filter(|word| word.starts_with("moothall_") || word.starts_with("process_"));
        metrics.map(|name| {
            ["_bucket", "_sum"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
        })
    }

    #[test]
    fn alerts_and_the_dashboard_are_about_metrics_that_there_are() {
        let all = metric::all();
        let shown: Vec<&str> = named(ALERTS).chain(named(DASHBOARD)).collect();
        assert!(shown.len() > 40, "{shown:?}");
        let is_unknown = |name: &&&str| !all.iter().any(|one| one.name == **name);
        let unknown: Vec<_> = shown.iter().filter(is_unknown).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
        assert!(dashboard["panels"].as_array().is_some_and(|panels| panels.len() >= 12));
    }

    #[test]
    fn each_alert_has_its_section_and_names_it() {
        let chapter = include_str!("../../../docs/operators/alerts.md");
        let sections = chapter.lines().filter_map(|line| line.strip_prefix("## "));
        let alerts = ALERTS.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
        let alerts: Vec<&str> = alerts.collect();
        assert_eq!(sections.collect::<Vec<_>>(), alerts);
        for alert in alerts {
            let link = format!("runbook: host/docs/operators/alerts.md#{}\n", alert.to_lowercase());
            assert!(ALERTS.contains(&link), "{link}");
        }
    }

    #[test]
    fn the_chapter_is_what_the_metrics_say() {
        let chapter = include_str!("../../../docs/operators/metrics.md");
        assert!(chapter == reference(), "run `cargo xtask reference`, which writes the page anew");
    }
}
