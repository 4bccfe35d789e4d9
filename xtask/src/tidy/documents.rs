//! Finds the documents that tidy checks, and the files that they may mention. Must never read build
//! output.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::sources::Source;

/// Documents beside those of the book.
const SINGLE: &[&str] =
    &["README.md", "CONTRIBUTING.md", "SECURITY.md", "host/ARCHITECTURE.md", "wit/README.md"];
/// The folder of the book, whose documents are all checked.
pub const BOOK: &str = "host/docs";
/// Folders with files that a document may mention, besides the files of the root.
const FOLDERS: &[&str] =
    &[".ci", ".github", "example-plugins", "host", "plugin-sdk", "tests", "wit", "xtask"];
/// The end-to-end tests, some of which begin with a table of others.
pub const TESTS: &str = "tests/e2e/";

/// A text that mentions files, modules and tests.
#[derive(Debug)]
pub struct Document {
    /// From the workspace's root, with `/`.
    pub path: String,
    pub text: String,
}

/// Every file and folder, from the workspace's root.
pub type Tree = BTreeSet<String>;

pub fn tree(root: &Path) -> Result<Tree> {
    let mut tree = Tree::new();
    for entry in fs::read_dir(root).context("cannot read the workspace's root")? {
        let entry = entry.context("cannot read the workspace's root")?;
        tree.insert(entry.file_name().to_string_lossy().into_owned());
    }
    FOLDERS.iter().try_for_each(|folder| list(root, folder, &mut tree))?;
    Ok(tree)
}

fn list(root: &Path, folder: &str, tree: &mut Tree) -> Result<()> {
    for entry in fs::read_dir(root.join(folder)).with_context(|| format!("cannot read {folder}"))? {
        let entry = entry.with_context(|| format!("cannot read {folder}"))?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        let is_output = path.ends_with("/target") || path.ends_with("/node_modules");
        if entry.path().is_dir() && !is_output {
            list(root, &path, tree)?;
        }
        tree.insert(path);
    }
    Ok(())
}

pub fn read_all(root: &Path, tree: &Tree, sources: &[Source]) -> Result<Vec<Document>> {
    let is_one = |path: &&String| {
        SINGLE.contains(&path.as_str()) || path.starts_with(BOOK) && path.ends_with(".md")
    };
    let mut all = Vec::new();
    for path in tree.iter().filter(is_one) {
        let text =
            fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))?;
        all.push(Document { path: path.clone(), text });
    }
    let tests = sources.iter().filter(|source| source.path.starts_with(TESTS));
    all.extend(tests.map(head));
    Ok(all)
}

/// The module documentation of a source file.
fn head(source: &Source) -> Document {
    let lines = source.text.lines().map_while(|line| line.strip_prefix("//!"));
    Document { path: source.path.clone(), text: lines.collect::<Vec<_>>().join("\n") }
}
