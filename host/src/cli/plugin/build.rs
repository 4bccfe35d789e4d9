//! `moothall plugin build` and `moothall plugin test`: the language's own tool, with what it needs for plugins.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde_json::json;

use crate::cli::answer::answer;
use crate::cli::plugin::project::Project;
use crate::cli::plugin::{loading, size};
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
    /// For the language's own tool: `cargo test`, pytest, or `npm test`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub fn build(args: &BuildArgs) -> anyhow::Result<()> {
    let built = Project::here()?.build()?;
    let wasm = std::fs::read(&built);
    let wasm = wasm.with_context(|| format!("{} cannot be read", built.display()))?;
    let file = match &args.out {
        Some(out) => {
            loading::put(&wasm, out)
                .with_context(|| format!("{} cannot be written", out.display()))?;
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
