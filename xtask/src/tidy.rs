//! `cargo xtask tidy`: the rules that neither the compiler nor clippy knows, all violations at
//! once.
//! Must never change a file, and never need anything to be built.

mod fences;
mod files;
mod layers;
mod paths;
mod sources;
mod tokens;

use std::fmt;

use anyhow::{Result, bail};

use crate::usage::no_arguments;
use crate::workspace::Workspace;
use sources::Source;

/// Files that may be longer than the limit, each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// One violation, where it is and what to do about it.
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
    no_arguments("tidy", arguments)?;
    check(&Workspace::load()?)
}

pub fn check(workspace: &Workspace) -> Result<()> {
    let sources = sources::read_all(&workspace.root)?;
    for warning in sources.iter().filter_map(|source| files::nearly_too_long(source, LONG_FILES)) {
        eprintln!("warning: {warning}");
    }
    let problems = problems(&sources);
    for problem in &problems {
        eprintln!("{problem}");
    }
    match problems.len() {
        0 => Ok(()),
        count => bail!(
            "tidy found {count} problem{} in {} files",
            if count == 1 { "" } else { "s" },
            sources.len()
        ),
    }
}

fn problems(sources: &[Source]) -> Vec<Problem> {
    let mut problems = files::stale_exceptions(sources, LONG_FILES);
    let modules = layers::top_modules(sources);
    for source in sources {
        problems.extend(files::check(source, LONG_FILES));
        if let Some(host_path) = source.path.strip_prefix("host/src/") {
            let used = paths::used_paths(&source.text, &paths::module_of(host_path));
            problems.extend(fences::check(source, host_path, &used));
            problems.extend(layers::check(source, host_path, &used, &modules));
        }
    }
    problems
}
