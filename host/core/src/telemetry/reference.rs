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
    use super::reference;

    #[test]
    fn the_chapter_is_what_the_metrics_say() {
        let chapter = include_str!("../../../docs/operators/metrics.md");
        assert!(chapter == reference(), "run `cargo xtask reference`, which writes the page anew");
    }
}
