//! A host of one's own: the real one, as a child process on a directory that goes with it, with one plugin file.
//!
//! It grants what the plugin asks for, except secrets and private addresses, and hears of no setting but those given.

mod log_lines;
mod process;

use std::path::Path;

use anyhow::Context;
use serde_json::Value;
use toml::Table;

use crate::app::Scratch;
use crate::cli::plugin::dev_file::DevFile;
use crate::cli::plugin::enabling::enable_alone;
use crate::cli::plugin::host_client::HostClient;
use crate::cli::plugin::loading::{PluginFilePlace, Served, load};
use crate::cli::plugin::progress::Progress;

pub use log_lines::LogDisplay;
use process::{CLOCK, EndingProcess};

/// The community that has the plugin.
pub const COMMUNITY: &str = "dev";
/// Where a host of one's own listens if nobody needs to know beforehand.
pub const ANY_PORT: &str = "127.0.0.1:0";
/// The plugin's file, and its directory.
const FILE: &str = "plugin.wasm";
const PLUGINS: &str = "plugins";

/// Ends with this value.
pub struct TemporaryHost {
    process: EndingProcess,
    directory: Scratch,
    pub client: HostClient,
    pub plugin: String,
    config: Value,
}

impl TemporaryHost {
    /// Starts a host with this plugin file and enables the plugin for the community.
    pub fn start(wasm: &Path, dev: &DevFile, listen: &str) -> anyhow::Result<Self> {
        Self::start_showing(wasm, dev, listen, LogDisplay::Plainly)
    }

    /// The same, and shows the log in that way.
    pub fn start_showing(
        wasm: &Path,
        dev: &DevFile,
        listen: &str,
        shown: LogDisplay,
    ) -> anyhow::Result<Self> {
        let _progress = Progress::of("starting a host with the plugin");
        let directory = Scratch::new()?;
        std::fs::create_dir(directory.path().join(PLUGINS))
            .and_then(|()| {
                std::fs::write(directory.path().join("moothall.toml"), recording_all(&dev.host))
            })
            .context("the host's directory cannot be filled")?;
        let mut process = EndingProcess::start(directory.path(), listen, shown)?;
        let client = HostClient::without_key(&process.address()?)?;
        let config = dev.config.clone();
        let mut host = Self { process, directory, client, plugin: String::new(), config };
        host.load(wasm)?;
        Ok(host)
    }

    /// Puts a new version in the plugin's place, and waits until it serves; fails if the host refuses it.
    pub fn replace(&mut self, wasm: &Path) -> anyhow::Result<()> {
        let _progress = Progress::of("loading the new version");
        self.load(wasm)
    }

    /// How the host has ended, if it has.
    pub fn ended(&mut self) -> Option<String> {
        self.process.ended()
    }

    /// Also if its schema or its name is another than before: it is enabled as it is now.
    fn load(&mut self, wasm: &Path) -> anyhow::Result<()> {
        let directory = self.directory.path().join(PLUGINS);
        let place = PluginFilePlace { directory, file: FILE.to_owned() };
        let served: Served = load(&self.client, &place, wasm)?;
        self.plugin.clone_from(&served.plugin);
        enable_alone(&self.client, COMMUNITY, &served, &self.config)
    }

    /// Lets this much time pass for the host.
    pub fn advance(&self, milliseconds: i64) -> anyhow::Result<()> {
        let next = self.directory.path().join("clock.next");
        let moved = std::fs::write(&next, format!("{milliseconds} 0"))
            .and_then(|()| std::fs::rename(&next, self.directory.path().join(CLOCK)));
        moved.context("the host's clock cannot be moved")
    }
}

/// The host's settings, by which all calls are recorded unless they say something about that.
fn recording_all(host: &str) -> String {
    let Ok(mut settings) = host.parse::<Table>() else { return host.to_owned() };
    let calls = settings.entry("calls").or_insert_with(|| Table::new().into());
    if let Some(calls) = calls.as_table_mut() {
        calls.entry("record").or_insert_with(|| "all".into());
    }
    toml::to_string(&settings).unwrap_or_else(|_| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_calls_are_recorded_unless_the_settings_say_which() {
        for (host, record) in [
            ("", "all"),
            ("[calls]\nrecordings = 5\n", "all"),
            ("[plugins.p.settings]\ngreeting = \"[calls]\"\n", "all"),
            ("calls = { record = \"off\" }", "off"),
        ] {
            let settings = recording_all(host).parse::<Table>().expect("it is TOML");
            assert_eq!(settings["calls"]["record"].as_str(), Some(record), "{host}");
            let before = host.parse::<Table>().expect("it is TOML");
            assert!(before.keys().all(|key| settings.contains_key(key)), "{host}");
        }
        let kept = recording_all("[calls]\nrecordings = 5\n");
        assert!(kept.contains("recordings = 5"), "{kept}");
    }
}
