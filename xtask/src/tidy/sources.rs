//! Finds the Rust files that tidy checks. Must never read build output, generated code, or files that are
//! wrong on purpose.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

const FOLDERS: &[&str] = &["example-plugins", "host", "plugin-sdk", "tests", "xtask"];
/// Tests that must not compile, and what wit-bindgen has written: they follow no rule.
const LEFT_OUT: &[&str] =
    &["plugin-sdk/src/bindings", "plugin-sdk/tests/fail", "plugin-sdk/tests/pass", "tests/ui"];

#[derive(Debug)]
pub struct Source {
    /// From the workspace's root, with `/`.
    pub path: String,
    pub text: String,
}

pub fn read_all(root: &Path) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for folder in FOLDERS {
        read_folder(root, folder, &mut sources)?;
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn read_folder(root: &Path, folder: &str, sources: &mut Vec<Source>) -> Result<()> {
    for entry in fs::read_dir(root.join(folder)).with_context(|| format!("cannot read {folder}"))? {
        let entry = entry.with_context(|| format!("cannot read {folder}"))?;
        let name = entry.file_name();
        let path = format!("{folder}/{}", name.to_string_lossy());
        if entry.path().is_dir() {
            if name != "target" && !LEFT_OUT.contains(&path.as_str()) {
                read_folder(root, &path, sources)?;
            }
        } else if path.ends_with(".rs") {
            let text =
                fs::read_to_string(entry.path()).with_context(|| format!("cannot read {path}"))?;
            sources.push(Source { path, text });
        }
    }
    Ok(())
}
