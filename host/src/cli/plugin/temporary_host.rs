//! A host of one's own: the real one, as a child process on a directory that goes with it, with one plugin file.
//!
//! It grants what the plugin asks for, except secrets and private addresses, and hears of no setting but those given.

mod log_lines;
mod process;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::plugin::dev_file::DevFile;
use crate::cli::plugin::host_client::HostClient;
use crate::cli::plugin::progress::Progress;
use moothall_engine::plugins::compile::digest;

use process::{CLOCK, EndingProcess};

/// The community that has the plugin.
pub const COMMUNITY: &str = "dev";
/// How often the host is asked whether it is ready.
const POLL: Duration = Duration::from_millis(20);
/// How long it may take to say where it listens, and to compile the file.
const PATIENCE: Duration = Duration::from_secs(150);
/// Where a host of one's own listens if nobody needs to know beforehand.
pub const ANY_PORT: &str = "127.0.0.1:0";
/// The plugin's file in its directory.
const FILE: &str = "plugins/plugin.wasm";

/// Ends with this value.
pub struct TemporaryHost {
    _process: EndingProcess,
    directory: TempDir,
    pub client: HostClient,
    pub plugin: String,
    is_of_host: bool,
}

impl TemporaryHost {
    /// Starts a host with this plugin file and enables the plugin for the community.
    pub fn start(wasm: &Path, dev: &DevFile, listen: &str) -> anyhow::Result<Self> {
        let _progress = Progress::of("starting a host with the plugin");
        let directory = tempfile::Builder::new().prefix("moothall-").tempdir();
        let directory = directory.context("there is no place for a temporary directory")?;
        std::fs::create_dir(directory.path().join("plugins"))
            .and_then(|()| std::fs::write(directory.path().join("moothall.toml"), &dev.host))
            .context("the host's directory cannot be filled")?;
        let digest = put(wasm, directory.path())?;
        let mut process = EndingProcess::start(directory.path(), listen)?;
        let client = HostClient::new(&process.address()?, None)?;
        let (plugin, is_of_host) = (String::new(), false);
        let mut host = Self { _process: process, directory, client, plugin, is_of_host };
        host.await_plugin(&digest)?;
        host.enable(&dev.config)?;
        Ok(host)
    }

    /// Puts a new version in the plugin's place, and waits until it serves; fails if the host refuses it.
    pub fn replace(&mut self, wasm: &Path) -> anyhow::Result<()> {
        let _progress = Progress::of("loading the new version");
        let digest = put(wasm, self.directory.path())?;
        self.await_plugin(&digest)
    }

    fn await_plugin(&mut self, digest: &str) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let files = self.client.get("/api/internal/plugins")?;
            let file = &files["plugins"][0];
            // One that is too large to be read has no digest.
            let is_it = file["digest"] == digest || file["digest"] == "";
            let status = file["status"].as_str().filter(|_| is_it);
            match status {
                Some("ready") => {
                    self.plugin = file["name"].as_str().unwrap_or_default().to_owned();
                    self.is_of_host = file["requested"]["scope"] == "host";
                    return Ok(());
                }
                Some("failed") => return Err(refused(file)),
                _ if begun.elapsed() > PATIENCE => {
                    bail!("the host has not loaded the plugin in {PATIENCE:?}")
                }
                _ => std::thread::sleep(POLL),
            }
        }
    }

    /// A plugin of host scope has its instance already.
    fn enable(&self, config: &Value) -> anyhow::Result<()> {
        let plugins = match self.is_of_host {
            true => json!([]),
            false => json!([{ "name": self.plugin, "config": config }]),
        };
        let community = json!({ "name": COMMUNITY, "readable_name": "", "plugins": plugins });
        let path = format!("/api/internal/community/{COMMUNITY}");
        let answer = self.client.send_json("PUT", &path, &[], &community)?;
        if answer.is_success() {
            return Ok(());
        }
        Err(anyhow!(
            "the plugin cannot be enabled with the [config] of dev.toml: {}",
            answer.failure()
        ))
    }

    /// Lets this much time pass for the host.
    pub fn advance(&self, milliseconds: i64) -> anyhow::Result<()> {
        let next = self.directory.path().join("clock.next");
        let moved = std::fs::write(&next, format!("{milliseconds} 0"))
            .and_then(|()| std::fs::rename(&next, self.directory.path().join(CLOCK)));
        moved.context("the host's clock cannot be moved")
    }
}

/// Puts the file there in one step; returns its digest.
fn put(wasm: &Path, directory: &Path) -> anyhow::Result<String> {
    let content = std::fs::read(wasm);
    let content = content.with_context(|| format!("{} cannot be read", wasm.display()))?;
    let partial = directory.join("plugin.partial");
    std::fs::write(&partial, &content)
        .and_then(|()| std::fs::rename(&partial, directory.join(FILE)))
        .context("the host's directory cannot be filled")?;
    Ok(digest(&content))
}

fn refused(file: &Value) -> anyhow::Error {
    let errors = file["errors"].as_array().into_iter().flatten();
    let line = |error: &Value| {
        let text = |field: &str| error[field].as_str().unwrap_or_default();
        format!("\n  {}: {}", text("code"), text("message"))
    };
    anyhow!("the host does not serve the plugin:{}", errors.map(line).collect::<String>())
}
