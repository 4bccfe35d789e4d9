//! `moothall plugin build` and `moothall plugin test`: cargo, with what it needs for plugins.

use std::ffi::OsString;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;

use crate::cli::answer::answer;
use crate::cli::plugin::project::Project;
use crate::cli::plugin::size;
use moothall_engine::plugins::compile::digest;

#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Also copy the plugin file there, in one step, as a host that watches the place needs it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct TestArgs {
    /// For `cargo test`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub fn build(args: &BuildArgs) -> anyhow::Result<()> {
    let built = Project::here()?.build()?;
    let wasm = std::fs::read(&built);
    let wasm = wasm.with_context(|| format!("{} cannot be read", built.display()))?;
    let file = match &args.out {
        Some(out) => {
            put(&wasm, out).with_context(|| format!("{} cannot be written", out.display()))?;
            out.clone()
        }
        None => built,
    };
    if args.json {
        let built = json!({ "file": file, "bytes": wasm.len(), "digest": digest(&wasm) });
        return answer(&built.to_string());
    }
    answer(&format!("{} ({})", file.display(), size::shown(wasm.len() as u64)))
}

pub fn test(args: &TestArgs) -> anyhow::Result<()> {
    Project::here()?.test(&args.arguments)
}

/// Writes the file in one step. A file beside it is never touched: the unfinished one has a name of its own.
fn put(wasm: &[u8], out: &Path) -> anyhow::Result<()> {
    if out.is_dir() {
        bail!("it is a folder; name the file in it");
    }
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut unfinished = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    unfinished.write_all(wasm)?;
    // A host may run as another user.
    unfinished.as_file().set_permissions(Permissions::from_mode(0o644))?;
    unfinished.persist(out)?;
    Ok(())
}
