//! `cargo xtask ci tidy`: the rules that neither the compiler nor clippy checks. It lists all
//! violations at once. Most rules are about sources, some about what documents mention and lead to, one about the
//! book's table of contents.

mod anchors;
mod book;
mod documents;
mod excerpts;
mod fences;
mod files;
mod layers;
mod mentions;
mod paths;
mod sources;
mod tokens;
mod types;

use std::fmt;

use anyhow::{Result, bail};

use crate::usage::no_arguments;
use crate::workspace::Workspace;
use mentions::Existing;
use sources::Source;

/// Files that may be longer than the limit, each with the reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Asks for the book's list of decisions to be written.
const WRITE: &str = "--write";

/// A violation, where it is, and what to do about it.
#[derive(Debug, PartialEq)]
struct Problem {
    path: String,
    line: usize,
    message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

pub fn run(arguments: &[String]) -> Result<()> {
    if let [flag] = arguments
        && flag == WRITE
    {
        let root = Workspace::load()?.root;
        return book::write(&root, &documents::read_all(&root, &documents::tree(&root)?, &[])?);
    }
    no_arguments("tidy", arguments)?;
    check(&Workspace::load()?)
}

pub fn check(workspace: &Workspace) -> Result<()> {
    let sources = sources::read_all(&workspace.root)?;
    let mut problems = problems(&sources);
    let tree = documents::tree(&workspace.root)?;
    let existing = Existing { tree: &tree, sources: &sources };
    let documents = documents::read_all(&workspace.root, &tree, &sources)?;
    problems.extend(documents.iter().flat_map(|document| mentions::check(document, &existing)));
    problems.extend(anchors::check(&workspace.root, &documents));
    problems.extend(book::check(&documents));
    problems.extend(excerpts::check(&documents, &sources));
    for problem in &problems {
        eprintln!("{problem}");
    }
    match problems.len() {
        0 => Ok(()),
        count => bail!("tidy found {count} problem{}", if count == 1 { "" } else { "s" }),
    }
}

fn problems(sources: &[Source]) -> Vec<Problem> {
    let mut problems = files::stale_exceptions(sources, LONG_FILES);
    problems.extend(types::check(sources));
    for source in sources {
        problems.extend(files::check(source, LONG_FILES));
        if let Some(path) = source.path.strip_prefix("host/").and_then(path_in_src) {
            let used = paths::used_paths(&source.text, &paths::module_of(path));
            problems.extend(fences::check(source, &used));
            problems.extend(layers::check(source, &used));
        }
    }
    problems
}

/// The path relative to `src/` of its host crate.
fn path_in_src(path: &str) -> Option<&str> {
    let inner = path.split_once('/').map(|(_, inner)| inner);
    path.strip_prefix("src/").or_else(|| inner?.strip_prefix("src/"))
}
