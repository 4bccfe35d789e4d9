//! Checks that the headings exist to which links of documents lead (`page.md#heading`). `mentions` checks the files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::Problem;
use super::documents::Document;
use super::mentions::{folder, joined, prose};

pub fn check(root: &Path, documents: &[Document]) -> Vec<Problem> {
    let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut problems = Vec::new();
    for document in documents {
        for (line, text) in prose(&document.text) {
            for (target, anchor) in anchored(text) {
                let path = match target {
                    "" => document.path.clone(),
                    target => joined(folder(&document.path), target),
                };
                let anchors = known.entry(path).or_insert_with_key(|path| {
                    fs::read_to_string(root.join(path))
                        .map(|text| anchors(&text))
                        .unwrap_or_default()
                });
                if !anchors.iter().any(|known| known == anchor) {
                    let message = format!("there is no heading for `{target}#{anchor}`");
                    problems.push(Problem { path: document.path.clone(), line, message });
                }
            }
        }
    }
    problems
}

/// The relative links with a fragment: the page, and the fragment.
fn anchored(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains(':')).filter_map(|target| target.split_once('#'))
}

/// The anchors of a page's headings, as GitHub and mdBook make them.
fn anchors(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (_, line) in prose(text) {
        let Some(heading) = line.strip_prefix('#') else { continue };
        let slug = slug(heading.trim_start_matches('#').trim());
        let before = found.iter().filter(|known| **known == slug).count();
        found.push(if before == 0 { slug } else { format!("{slug}-{before}") });
    }
    found
}

fn slug(heading: &str) -> String {
    let kept = |letter: char| letter.is_alphanumeric() || [' ', '-', '_'].contains(&letter);
    let letters = heading.chars().filter(|letter| kept(*letter));
    letters
        .flat_map(char::to_lowercase)
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_become_anchors() {
        let page = "# The `moothall.toml`, in short\n## Done once\n```shell\n# no heading\n```\n## Done once\n";
        assert_eq!(anchors(page), ["the-moothalltoml-in-short", "done-once", "done-once-1"]);
    }

    #[test]
    fn a_link_to_a_heading_that_is_not_there_is_found() {
        let text =
            "# Here\n[a](#here) [b](#there) [c](https://a.example/#x) [d](b.md) [e](none.md#x)\n";
        let document = Document { path: "a.md".into(), text: text.into() };
        let root = std::env::temp_dir().join(format!("moothall-anchors-{}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        fs::write(root.join("a.md"), text).unwrap();
        let found: Vec<String> =
            check(&root, &[document]).iter().map(ToString::to_string).collect();
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(
            found,
            [
                "a.md:2: there is no heading for `#there`",
                "a.md:2: there is no heading for `none.md#x`"
            ]
        );
    }
}
