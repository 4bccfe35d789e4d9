//! Repeats the last calls with each version of a project that is being developed: a shadow run in a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use clap::Args;

#[derive(Clone, Debug, Args)]
pub struct ReplayAtSaveArgs {
    /// At every save, repeat the last N recorded calls with the new version, and show what differs.
    #[arg(long, value_name = "N")]
    replay: Option<usize>,
    /// The host whose calls are repeated. Left out: the calls of the host that `dev` started.
    #[arg(long, value_name = "URL", requires = "replay")]
    replay_from: Option<String>,
    /// A file with an API key of that host.
    #[arg(long, value_name = "FILE", requires = "replay_from")]
    replay_key_file: Option<PathBuf>,
}

impl ReplayAtSaveArgs {
    /// Repeats calls with this file, if that is asked for. `own` is the URL of the host that `dev` started.
    pub fn run(&self, own: &str, plugin: &str, file: &Path) -> anyhow::Result<()> {
        let Some(last) = self.replay else { return Ok(()) };
        let mut shadow = Command::new("/proc/self/exe");
        shadow.args(["plugin", "shadow"]).arg(file).args(["--plugin", plugin]);
        shadow.args(["--last", &last.to_string()]);
        shadow.args(["--host", self.replay_from.as_deref().unwrap_or(own)]);
        if let Some(file) = &self.replay_key_file {
            shadow.arg("--key-file").arg(file);
        }
        // Whether anything differs, it says itself.
        shadow.status().context("the calls cannot be repeated").map(drop)
    }
}
