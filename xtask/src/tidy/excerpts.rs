//! Checks that the Rust in chapters of the book is in a plugin that tests build: each line of an excerpt is a line there.
//! A block that begins with `//!` is a whole file, which a test builds.

use std::collections::BTreeSet;

use super::Problem;
use super::documents::{BOOK, Document};
use super::sources::Source;

/// Where plugins are.
const PLUGINS: &[&str] = &["example-plugins/", "host/templates/"];
/// The language of the blocks that are compared.
const FENCE: &str = "```rust";

pub fn check(documents: &[Document], sources: &[Source]) -> Vec<Problem> {
    let is_of_plugin =
        |source: &&Source| PLUGINS.iter().any(|folder| source.path.starts_with(folder));
    let texts = sources.iter().filter(is_of_plugin).map(|source| source.text.as_str());
    let known: BTreeSet<&str> = texts.flat_map(str::lines).map(str::trim).collect();
    let chapters = documents.iter().filter(|document| document.path.starts_with(BOOK));
    chapters.flat_map(|document| of_chapter(document, &known)).collect()
}

fn of_chapter(document: &Document, known: &BTreeSet<&str>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut lines = document.text.lines().enumerate();
    while let Some((_, line)) = lines.next() {
        if line != FENCE {
            continue;
        }
        let excerpt: Vec<_> = lines.by_ref().take_while(|(_, line)| *line != "```").collect();
        if excerpt.first().is_some_and(|(_, line)| line.starts_with("//!")) {
            continue;
        }
        for (at, line) in excerpt {
            if !line.trim().is_empty() && !known.contains(line.trim()) {
                let message = format!("no example plugin has the line `{}`", line.trim());
                problems.push(Problem { path: document.path.clone(), line: at + 1, message });
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_has_only_lines_of_a_plugin() {
        let source = Source {
            path: "example-plugins/a/src/lib.rs".into(),
            text: "fn a() {\n    b();\n}\n".into(),
        };
        let found = |text: &str| {
            let document = Document { path: format!("{BOOK}/a.md"), text: text.to_owned() };
            let problems = check(&[document], std::slice::from_ref(&source));
            problems.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(found("```rust\nfn a() {\n  b();\n}\n```\n"), [""; 0]);
        assert_eq!(
            found("```rust\n//! A file.\nfn c() {}\n```\n```rust,ignore\nd();\n```\n"),
            [""; 0]
        );
        let other = found("text\n```rust\nfn a() {\n    c();\n```\n");
        assert_eq!(other, ["host/docs/a.md:4: no example plugin has the line `c();`"]);
    }
}
