//! JavaScript: the package `moothall` for npm, and a plugin that has it installed from its tarball.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::Folders;
use super::tools::Tools;

/// What `npm pack` writes.
const TARBALL: &str = "moothall-0.1.0.tgz";

pub fn build(tools: &Tools, folders: &Folders) -> Result<()> {
    npm(tools, &folders.sdk, "ci --ignore-scripts --no-audit --no-fund")?;
    npm(tools, &folders.sdk, "pack --silent")?;
    npm(tools, &folders.plugin, "ci --ignore-scripts --no-audit --no-fund")?;
    let mut install = words("install --no-save --ignore-scripts --no-audit --no-fund");
    install.push(folders.sdk.join(TARBALL).into());
    tools.npm(&folders.plugin, &install)?;
    npm(tools, &folders.plugin, "run --silent build")?;
    let built = folders.component.file_name().context("a component has a name")?;
    let built = folders.plugin.join(built);
    fs::copy(&built, &folders.component)
        .with_context(|| format!("cannot copy {}", built.display()))?;
    Ok(())
}

pub fn test(tools: &Tools, folders: &Folders) -> Result<()> {
    npm(tools, &folders.sdk, "run --silent test")?;
    npm(tools, &folders.plugin, "run --silent check")?;
    npm(tools, &folders.plugin, "run --silent test")
}

fn npm(tools: &Tools, folder: &Path, arguments: &str) -> Result<()> {
    tools.npm(folder, &words(arguments))
}

fn words(line: &str) -> Vec<OsString> {
    line.split(' ').map(OsString::from).collect()
}
