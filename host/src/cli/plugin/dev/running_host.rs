//! A host that somebody runs on this machine, into whose plugin directory the project is built.
//!
//! It goes on serving what it has when the command ends.

use std::path::{Path, PathBuf};

use anyhow::bail;

use super::own_file::place_of;
use crate::cli::answer::note;
use crate::cli::plugin::dev_file::DevFile;
use crate::cli::plugin::enabling::enable;
use crate::cli::plugin::host_client::HostClient;
use crate::cli::plugin::loading::{PluginFilePlace, Served, load_or_put_back};
use crate::cli::plugin::progress::Progress;

pub struct RunningHost {
    pub client: HostClient,
    pub community: String,
    pub plugin: String,
    place: PluginFilePlace,
    dev: DevFile,
}

impl RunningHost {
    /// Puts the file into the host's plugin directory, in the place of the one with that plugin if there is one, and enables
    /// the plugin for the community.
    pub fn start(
        client: HostClient,
        directory: PathBuf,
        community: String,
        (wasm, dev): (&Path, &DevFile),
    ) -> anyhow::Result<Self> {
        if !directory.is_dir() {
            bail!(
                "{} is no folder; name the host's plugin directory with --plugins",
                directory.display()
            );
        }
        let place = place_of(&client, directory, wasm)?;
        let mut host = Self { client, community, plugin: String::new(), place, dev: dev.clone() };
        host.replace(wasm)?;
        Ok(host)
    }

    pub fn replace(&mut self, wasm: &Path) -> anyhow::Result<()> {
        let _progress = Progress::of("loading the new version");
        let served = load_or_put_back(&self.client, &self.place, wasm)?;
        self.plugin.clone_from(&served.plugin);
        tell_of_missing(&served);
        enable(&self.client, &self.community, &served, &self.dev)
    }

    /// Where the plugin's file is.
    pub fn file(&self) -> PathBuf {
        self.place.path()
    }
}

/// With the lines that the operator would have to add.
fn tell_of_missing(served: &Served) {
    let mut lines: Vec<&str> =
        served.missing.iter().filter_map(|one| one["line"].as_str()).collect();
    lines.dedup();
    if !lines.is_empty() {
        note(&format!(
            "note: the host does not grant all that `{}` asks for; to grant it, {}",
            served.plugin,
            lines.join(", and ")
        ));
    }
}
