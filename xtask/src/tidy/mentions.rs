//! Checks that what documents mention exists: files by their paths, tests and modules by their
//! names, the targets of links. Does not check code in blocks.

use super::Problem;
use super::documents::{Document, TESTS, Tree};
use super::sources::Source;

/// Folders to which a path may be relative, besides the root and the document's folder.
const HOST: &str = "host/";
/// The sources of the crate `moothall`, whose modules are named without the crate.
const TOP: &str = "host/src/";
/// Files that every project of an author has.
const OF_AUTHORS: &[&str] = &["src/lib.rs", "src/tests.rs"];
/// First parts of names that are no modules of the workspace.
const CRATES: &[&str] = &["moothall_sdk", "moothall_tests", "std"];

/// Everything that exists.
pub struct Existing<'a> {
    pub tree: &'a Tree,
    pub sources: &'a [Source],
}

pub fn check(document: &Document, existing: &Existing<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    // The paths of the paragraph; a later one may leave out their beginning.
    let mut before: Vec<String> = Vec::new();
    for (at, line) in prose(&document.text) {
        if line.trim().is_empty() {
            before.clear();
        }
        let mut missing = |what: String| {
            let path = document.path.clone();
            problems.push(Problem { path, line: at, message: format!("there is no {what}") });
        };
        for span in spans(line) {
            if is_path(span) {
                match found(span, document, &before, existing.tree) {
                    Some(path) => before.push(path),
                    None => missing(format!("file `{span}`")),
                }
            } else if is_name(span) && !exists(span, existing.sources) {
                missing(format!("test, module or function `{span}`"));
            }
        }
        for target in links(line) {
            if !existing.tree.contains(&joined(folder(&document.path), target)) {
                missing(format!("`{target}`, to which a link leads"));
            }
        }
    }
    problems
}

/// Lines with their numbers, without blocks of code.
pub(super) fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        (!is_code && !is_fence).then_some((at + 1, line))
    })
}

fn spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The targets of relative links, without their fragments.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let targets = targets.map(|target| target.split('#').next().unwrap_or_default());
    targets.filter(|target| !target.is_empty() && !target.contains(':'))
}

/// Whether the text is a path to a source, SQL or a document, without a placeholder in it.
fn is_path(span: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "./_-".contains(c);
    let ends = [".rs", ".sql"].iter().any(|end| span.ends_with(end))
        || span.contains('/') && span.ends_with(".md");
    ends && span.chars().all(is_plain) && !span.contains("NNNN") && !OF_AUTHORS.contains(&span)
}

/// Whether the text is `module::name`, all in snake case.
fn is_name(span: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let parts: Vec<&str> = span.split("::").collect();
    let first = parts.first().copied().unwrap_or_default();
    parts.len() > 1
        && parts.iter().all(|part| !part.is_empty() && part.chars().all(is_plain))
        && !CRATES.contains(&first)
}

/// Whether a file has this path: from the root, from the document's folder, below the host or its
/// own crate's source, or below a folder of an earlier path of the paragraph.
fn found(span: &str, document: &Document, before: &[String], tree: &Tree) -> Option<String> {
    let above = before.iter().rev().flat_map(|path| {
        std::iter::successors(Some(folder(path)), |at| (!at.is_empty()).then(|| folder(at)))
    });
    let mut bases = ["", folder(&document.path), HOST, TOP].into_iter().chain(above);
    bases.find_map(|base| Some(joined(base, span)).filter(|path| tree.contains(path)))
}

/// The folder of a path, with its `/`; empty for a file in the root.
pub(super) fn folder(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.rfind('/').map_or("", |at| &path[..=at])
}

pub(super) fn joined(base: &str, path: &str) -> String {
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

/// Whether the name is a test, a module of the host, or an item in one.
fn exists(name: &str, sources: &[Source]) -> bool {
    let path = name.replace("::", "/");
    let (module, last) = path.rsplit_once('/').unwrap_or(("", &path));
    let function = format!("fn {last}(");
    sources.iter().any(|source| {
        is_module(&source.path, &path)
            || is_module(&source.path, module) && source.text.contains(&function)
    })
}

/// Whether the file is that module: of the tests, or of a crate of the host, named with the crate
/// or without.
fn is_module(file: &str, module: &str) -> bool {
    let (first, rest) = module.split_once('/').unwrap_or((module, "lib"));
    file == format!("{TESTS}{module}.rs")
        || file.starts_with(HOST) && file.ends_with(&format!("/src/{module}.rs"))
        || file == format!("{HOST}{first}/src/{rest}.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found_in(path: &str, text: &str) -> Vec<String> {
        let source = |path: &str, text: &str| Source { path: path.into(), text: text.into() };
        let sources = [
            source("tests/e2e/crashes.rs", "async fn nothing_is_lost() {}"),
            source("tests/e2e/oauth/refusals.rs", ""),
            source("host/engine/src/hooks/merge.rs", ""),
            source("host/values/src/schema/cost.rs", ""),
            source("host/engine/src/calls.rs", "pub async fn run(&self) {}"),
        ];
        let files =
            ["README.md", "host/docs", "host/docs/bounds.md", "host/src/http/openapi/query.rs"];
        let mut tree: Tree = files.iter().map(|file| (*file).to_owned()).collect();
        tree.extend(sources.iter().map(|source| source.path.clone()));
        let document = Document { path: path.into(), text: text.into() };
        let problems = check(&document, &Existing { tree: &tree, sources: &sources });
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_exists_may_be_mentioned() {
        for text in [
            "`host/engine/src/calls.rs`, `engine/src/hooks/merge.rs`, [bounds](docs/bounds.md#limits), `docs/bounds.md`",
            "`crashes::nothing_is_lost`, `hooks::merge`, `engine::hooks::merge`, `calls::run`, `std::env`, `Calls::run`",
            "`http/<noun>.rs`, `host/store/migrations/NNNN_<what>.sql`, `moothall.toml`, [x](https://a.b/)",
            "`oauth::refusals`, `schema::cost`, and an author's own `src/lib.rs`",
            "`http/openapi/query.rs` and `query.rs`\nand `openapi/query.rs`",
        ] {
            assert_eq!(found_in("host/ARCHITECTURE.md", text), [""; 0], "{text}");
        }
        assert_eq!(found_in("README.md", "```\n`host/src/none.rs`\n```\n"), [""; 0], "code");
    }

    #[test]
    fn what_does_not_exist_is_found_with_its_line() {
        for (text, said) in [
            ("\n`host/src/call.rs`", "host/ARCHITECTURE.md:2: there is no file `host/src/call.rs`"),
            ("`query.rs`", "host/ARCHITECTURE.md:1: there is no file `query.rs`"),
            (
                "`http/openapi/query.rs`\n\n`query.rs`",
                "host/ARCHITECTURE.md:3: there is no file `query.rs`",
            ),
            ("`docs/none.md`", "host/ARCHITECTURE.md:1: there is no file `docs/none.md`"),
            (
                "`crashes::nothing_is`",
                "host/ARCHITECTURE.md:1: there is no test, module or function `crashes::nothing_is`",
            ),
            (
                "[bounds](bounds.md)",
                "host/ARCHITECTURE.md:1: there is no `bounds.md`, to which a link leads",
            ),
        ] {
            assert_eq!(found_in("host/ARCHITECTURE.md", text), [said], "{text}");
        }
    }
}
