//! `cargo xtask reference`: writes the pages of the book that are made from the program, settings and metrics.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::native;
use crate::usage::no_arguments;
use crate::workspace::Workspace;

/// What they are of; each page has this name.
const PAGES: &[&str] = &["settings", "metrics"];
/// The folder of the pages.
const FOLDER: &str = "host/docs/operators";

pub fn run(arguments: &[String]) -> Result<()> {
    no_arguments("reference", arguments)?;
    let workspace = Workspace::load()?;
    let moothall = native::build(&workspace)?;
    for page in PAGES {
        let made = Command::new(&moothall).args(["reference", page]).output();
        let made = made.with_context(|| format!("cannot start {}", moothall.display()))?;
        ensure!(made.status.success(), "`moothall reference {page}` ended with {}", made.status);
        let file = workspace.root.join(FOLDER).join(format!("{page}.md"));
        fs::write(&file, made.stdout)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
