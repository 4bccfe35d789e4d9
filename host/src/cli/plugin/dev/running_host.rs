//! A host that somebody runs on this machine, into whose plugin directory the project is built.
//!
//! It goes on serving what it has when the command ends.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::cli::answer::plain;
use crate::cli::plugin::dev_file::DevFile;
use crate::cli::plugin::enabling::enable;
use crate::cli::plugin::host_client::HostClient;
use crate::cli::plugin::loading::{PluginFilePlace, Served, load};
use crate::cli::plugin::progress::Progress;

pub struct RunningHost {
    pub client: HostClient,
    pub community: String,
    pub plugin: String,
    place: PluginFilePlace,
    config: Value,
}

impl RunningHost {
    /// Puts the file into the host's plugin directory, in the place of the one with this project's plugin if there is one,
    /// and enables the plugin for the community.
    pub fn start(
        client: HostClient,
        (directory, project): (PathBuf, &str),
        community: String,
        (wasm, dev): (&Path, &DevFile),
    ) -> anyhow::Result<Self> {
        if !directory.is_dir() {
            bail!(
                "{} is no folder; name the host's plugin directory with --plugins",
                directory.display()
            );
        }
        tell_of_unused(dev);
        let file = file_of(&client, project)?;
        let (place, config) = (PluginFilePlace { directory, file }, dev.config.clone());
        let mut host = Self { client, community, plugin: String::new(), place, config };
        host.replace(wasm)?;
        Ok(host)
    }

    pub fn replace(&mut self, wasm: &Path) -> anyhow::Result<()> {
        let _progress = Progress::of("loading the new version");
        let served = load(&self.client, &self.place, wasm)?;
        self.plugin.clone_from(&served.plugin);
        tell_of_missing(&served);
        enable(&self.client, &self.community, &served, &self.config)
    }

    /// Where the plugin's file is.
    pub fn file(&self) -> PathBuf {
        self.place.directory.join(&self.place.file)
    }
}

/// The file from which the host serves the plugin of that name, or a new one.
fn file_of(client: &HostClient, project: &str) -> anyhow::Result<String> {
    let files = client.get("/api/internal/plugins")?;
    let files = files["plugins"].as_array().context("the host lists no plugin files")?;
    let is_of = |file: &&Value| file["name"] == project && file["status"] != "removed";
    let file = files.iter().find(is_of).and_then(|file| file["file"].as_str());
    Ok(file.map_or_else(|| format!("{project}.wasm"), str::to_owned))
}

/// A running host has settings of its own.
fn tell_of_unused(dev: &DevFile) {
    if dev.has_settings() {
        tell(
            "note: of dev.toml, only [config] is used with --host; the rest belongs into that host's moothall.toml",
        );
    }
}

/// With the lines that the operator would have to add.
fn tell_of_missing(served: &Served) {
    let mut lines: Vec<&str> =
        served.missing.iter().filter_map(|one| one["line"].as_str()).collect();
    lines.dedup();
    if !lines.is_empty() {
        tell(&format!(
            "note: the host does not grant all that `{}` asks for; to grant it, {}",
            served.plugin,
            lines.join(", and ")
        ));
    }
}

fn tell(note: &str) {
    // If standard error is closed, nobody wants to know.
    drop(writeln!(std::io::stderr(), "{}", plain(note)));
}
