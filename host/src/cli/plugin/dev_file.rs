//! `dev.toml`: how a plugin is enabled on a host of its own while it is developed.
//!
//! It has the community's configuration of the plugin, and else what a host's `moothall.toml` has.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use toml::Table;

/// Its name in a project.
pub const NAME: &str = "dev.toml";
/// The table that is no part of `moothall.toml`.
const CONFIG: &str = "config";

#[derive(Clone, Debug)]
pub struct DevFile {
    /// The community's configuration of the plugin.
    pub config: Value,
    /// The text of the host's `moothall.toml`.
    pub host: String,
}

impl DevFile {
    /// Reads a file, which may be missing if nobody named it.
    pub fn read(file: &Path, is_named: bool) -> anyhow::Result<Self> {
        let text = match std::fs::read_to_string(file) {
            Err(error) if error.kind() == ErrorKind::NotFound && !is_named => String::new(),
            read => read.with_context(|| format!("{} cannot be read", file.display()))?,
        };
        Self::parse(&text).with_context(|| format!("{} is wrong", file.display()))
    }

    /// Whether it says anything to a host: an empty table of a plugin does not.
    pub fn has_settings(&self) -> bool {
        let Ok(host) = self.host.parse::<Table>() else { return true };
        let is_empty = |value: &toml::Value| value.as_table().is_some_and(Table::is_empty);
        host.iter().any(|(name, value)| match value.as_table() {
            Some(plugins) if name == "plugins" => !plugins.values().all(is_empty),
            _ => !is_empty(value),
        })
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut host: Table = text.parse()?;
        let config = match host.remove(CONFIG) {
            None => json!({}),
            Some(config @ toml::Value::Table(_)) => json!(config),
            Some(_) => bail!("`{CONFIG}` must be a table: the community's configuration"),
        };
        Ok(Self { config, host: toml::to_string(&host)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_taken_out_and_the_rest_is_the_host_s() {
        let text =
            "[config]\nname = \"x\"\nports = [1]\n[plugins.p]\ngrants = { http = [\"*\"] }\n";
        let dev = DevFile::parse(text).expect("it can be read");
        assert_eq!(dev.config, json!({ "name": "x", "ports": [1] }));
        assert_eq!(dev.host, "[plugins.p.grants]\nhttp = [\"*\"]\n");
        let nothing = DevFile::parse("").expect("nothing is fine");
        assert_eq!((nothing.config, nothing.host.as_str()), (json!({}), ""));
        assert!(DevFile::parse("config = 1").is_err());
        let has = |text: &str| DevFile::parse(text).expect("it can be read").has_settings();
        assert!(!has("[config]\na = 1\n[plugins.p]\n") && has(text) && has("listen = \"x\""));
    }
}
