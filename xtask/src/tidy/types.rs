//! Checks that no two types of one crate have the same name, so that a reader of one never thinks of the
//! other.

use std::collections::BTreeMap;

use super::Problem;
use super::sources::Source;
use super::tokens::{Token, tokens};

/// The words that define a type. An alias may repeat a name, because `Result` and associated types do.
const KEYWORDS: &[&str] = &["enum", "struct", "trait", "union"];
/// Folders of a crate's sources.
const ROOTS: &[&str] = &["/src/", "/benches/", "/e2e/"];

/// A problem for each type whose name an earlier file of its crate has.
pub fn check(sources: &[Source]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut first: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for source in sources {
        let Some(root) = crate_root(&source.path) else { continue };
        for (name, line) in types(&source.text) {
            let earlier = *first.entry((root, name)).or_insert(&source.path);
            if earlier != source.path {
                let message =
                    format!("`{name}` is also a type of {earlier}; give one another name");
                problems.push(Problem { path: source.path.clone(), line, message });
            }
        }
    }
    problems
}

/// The folder of the crate that a file belongs to.
fn crate_root(path: &str) -> Option<&str> {
    let root = ROOTS.iter().find_map(|root| Some(path.find(root)? + root.len()))?;
    path.get(..root)
}

/// The types that a file defines, with their lines.
fn types(text: &str) -> Vec<(&str, usize)> {
    let tokens = tokens(text);
    let pairs = tokens.windows(2).filter_map(|pair| match (pair[0].token, pair[1].token) {
        (Token::Word(keyword), Token::Word(name)) if KEYWORDS.contains(&keyword) => {
            Some((name, pair[1].line))
        }
        _ => None,
    });
    pairs.filter(|(name, _)| name.starts_with(char::is_uppercase)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_name_stands_once_in_a_crate() {
        let sources = [
            source("host/core/src/a.rs", "pub struct Page(u8);\n"),
            source("host/core/src/b.rs", "// struct Page\n\nenum Page { One }\n"),
            source("host/store/src/a.rs", "struct Page;\n"),
            source("tests/e2e/a.rs", "trait Page {}\n"),
            source("tests/src/a.rs", "struct Page;\n"),
        ];
        let found: Vec<_> = check(&sources).iter().map(ToString::to_string).collect();
        let message = "host/core/src/b.rs:3: `Page` is also a type of host/core/src/a.rs; give one another name";
        assert_eq!(found, [message]);
    }
}
