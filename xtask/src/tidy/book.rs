//! Holds the book's table of contents equal to its chapters: `SUMMARY.md` names each file once and nothing else, and
//! below the chapter of decisions one line for each. `tidy --write` writes those lines.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::Problem;
use super::documents::{BOOK, Document};

/// The table of contents.
const SUMMARY: &str = "host/docs/SUMMARY.md";
/// Its line under which the decisions are.
const DECISIONS: &str = "- [Decisions](decisions/README.md)\n";

pub fn check(documents: &[Document]) -> Vec<Problem> {
    let Some(summary) = documents.iter().find(|document| document.path == SUMMARY) else {
        return vec![problem(1, "there is no table of contents".to_owned())];
    };
    let mut problems = Vec::new();
    for chapter in chapters(documents) {
        let lines =
            summary.text.lines().filter(|line| line.contains(&format!("]({chapter})"))).count();
        if lines != 1 {
            problems.push(problem(
                1,
                format!("names `{chapter}` {lines} times, and it is one chapter"),
            ));
        }
    }
    if summary.text != with_decisions(&summary.text, documents) {
        let message =
            "its list of decisions is not that of the files; run `cargo xtask tidy --write`";
        problems.push(problem(1, message.to_owned()));
    }
    problems
}

/// Writes the list of decisions anew.
pub fn write(root: &Path, documents: &[Document]) -> Result<()> {
    let path = root.join(SUMMARY);
    let summary = fs::read_to_string(&path).with_context(|| format!("cannot read {SUMMARY}"))?;
    fs::write(path, with_decisions(&summary, documents))
        .with_context(|| format!("cannot write {SUMMARY}"))
}

/// The files of the book, from its folder.
fn chapters(documents: &[Document]) -> impl Iterator<Item = &str> {
    let chapters = documents.iter().filter(|document| document.path != SUMMARY);
    chapters.filter_map(|document| document.path.strip_prefix(BOOK)?.strip_prefix('/'))
}

/// The table of contents with a line for each decision, which ends it.
fn with_decisions(summary: &str, documents: &[Document]) -> String {
    let before = summary.split_once(DECISIONS).map_or(summary, |(before, _)| before);
    let mut written = format!("{before}{DECISIONS}");
    for document in documents {
        let Some(file) = document.path.strip_prefix(BOOK) else { continue };
        let is_decision = file.starts_with("/decisions/") && !file.ends_with("/README.md");
        let title = document.text.lines().next().and_then(|line| line.strip_prefix("# "));
        if let Some(title) = title.filter(|_| is_decision) {
            written.push_str(&format!("    - [{title}]({})\n", file.trim_start_matches('/')));
        }
    }
    written
}

fn problem(line: usize, message: String) -> Problem {
    Problem { path: SUMMARY.to_owned(), line, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(path: &str, text: &str) -> Document {
        Document { path: format!("{BOOK}/{path}"), text: text.to_owned() }
    }

    fn found(summary: &str) -> Vec<String> {
        let documents = [
            document("SUMMARY.md", summary),
            document("a.md", "# A\n"),
            document("decisions/0001-one.md", "# 0001: One\n\ntext"),
            document("decisions/README.md", "# Decisions\n"),
        ];
        check(&documents).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_chapter_is_named_once() {
        let decisions = format!("{DECISIONS}    - [0001: One](decisions/0001-one.md)\n");
        assert_eq!(found(&format!("- [A](a.md)\n{decisions}")), [""; 0]);
        let missing = found(&decisions);
        assert!(missing[0].contains("names `a.md` 0 times"), "{missing:?}");
        let twice = found(&format!("- [A](a.md)\n- [A](a.md)\n{decisions}"));
        assert!(twice[0].contains("2 times"), "{twice:?}");
    }

    #[test]
    fn the_list_of_decisions_is_that_of_the_files() {
        let other =
            found(&format!("- [A](a.md)\n{DECISIONS}    - [Other](decisions/0001-one.md)\n"));
        assert!(other[0].contains("tidy --write"), "{other:?}");
    }
}
