//! Repeats the last calls with each version of a project that is being developed: a shadow run in a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use clap::{Args, value_parser};

use crate::cli::plugin::host_client::HostClient;

#[derive(Clone, Debug, Args)]
pub struct ReplayAtSaveArgs {
    /// At every save, repeat the last N recorded calls with the new version, and show what differs.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    replay: Option<u32>,
    /// The host whose calls are repeated. Left out: the one that serves what is developed.
    #[arg(long, value_name = "URL", requires = "replay")]
    replay_from: Option<String>,
    /// A file with an API key of that host.
    #[arg(long, value_name = "FILE", requires = "replay_from")]
    replay_key_file: Option<PathBuf>,
}

impl ReplayAtSaveArgs {
    /// Repeats calls with this file, if that is asked for. `own` is the host that serves what is developed.
    pub fn run(&self, own: &HostClient, plugin: &str, file: &Path) -> anyhow::Result<()> {
        let Some(mut shadow) = self.command(own, plugin, file) else { return Ok(()) };
        // Whether anything differs, it says itself.
        shadow.status().context("the calls cannot be repeated").map(drop)
    }

    fn command(&self, own: &HostClient, plugin: &str, file: &Path) -> Option<Command> {
        let last = self.replay?;
        // Each host has a key of its own.
        let (host, key_file) = match &self.replay_from {
            Some(host) => (host.as_str(), self.replay_key_file.as_deref()),
            None => (own.url(), own.key_file()),
        };
        let mut shadow = Command::new("/proc/self/exe");
        shadow.args(["plugin", "shadow"]).arg(file).args(["--plugin", plugin]);
        shadow.args(["--last", &last.to_string(), "--host", host]);
        if let Some(key_file) = key_file {
            shadow.arg("--key-file").arg(key_file);
        }
        Some(shadow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_asked_with_its_own_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = folder.path().join("key");
        std::fs::write(&key, "mh_1").expect("written");
        let own = HostClient::with_key_file("http://own", Some(&key)).expect("a client");
        let asked = |replay_from: Option<&str>, replay_key_file: Option<&str>| {
            let replay_from = replay_from.map(str::to_owned);
            let replay_key_file = replay_key_file.map(PathBuf::from);
            let args = ReplayAtSaveArgs { replay: Some(5), replay_from, replay_key_file };
            let command =
                args.command(&own, "greeter", Path::new("g.wasm")).expect("it is asked for");
            let words = command.get_args().map(|word| word.to_string_lossy().into_owned());
            words.skip_while(|word| word != "--host").collect::<Vec<_>>().join(" ")
        };
        assert_eq!(asked(None, None), format!("--host http://own --key-file {}", key.display()));
        assert_eq!(asked(Some("http://h"), None), "--host http://h");
        assert_eq!(asked(Some("http://h"), Some("k")), "--host http://h --key-file k");
    }
}
