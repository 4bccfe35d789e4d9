//! The plugin file that a command is about, examined under the operator's configuration.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use crate::app::{Examined, Examiner};
use crate::cli::plugin::progress::Progress;
use crate::cli::plugin::project::Project;
use crate::cli::plugin::refusals;
use moothall_core::config::{Config, Sources, load};
use moothall_core::ids::PluginName;
use moothall_core::telemetry::{Log, LogFormat};

#[derive(Clone, Debug, Args)]
pub struct FileArgs {
    /// A plugin file. Left out: the project in the working directory is built, and its file is taken.
    pub file: Option<PathBuf>,
    /// Configuration of a host, whose limits, settings and grants count; `moothall.toml` in the working directory if it is
    /// there.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl FileArgs {
    pub fn path(&self) -> anyhow::Result<PathBuf> {
        match &self.file {
            Some(file) => Ok(file.clone()),
            None => Project::here()?.build(),
        }
    }

    pub fn examine(&self) -> anyhow::Result<Examined> {
        let path = self.path()?;
        let examining = Examining::new(self.config.clone())?;
        examining.file(&path)
    }
}

/// An examiner that shows what it is doing, and what the host would log of it.
pub struct Examining {
    examiner: Examiner,
    _log: Log,
}

impl Examining {
    pub fn new(config: Option<PathBuf>) -> anyhow::Result<Self> {
        let config = load(&Sources { file: config, arguments: Vec::new() })?;
        let filter = moothall_core::config::log_filter();
        let filter = filter.as_deref().unwrap_or("warn");
        let log = Log::to_stderr(&config.log, LogFormat::Text, Some(filter));
        Ok(Self { examiner: Examiner::new(config)?, _log: log })
    }

    pub fn file(&self, path: &Path) -> anyhow::Result<Examined> {
        shown(&self.examiner, path)
    }
}

fn shown(examiner: &Examiner, path: &Path) -> anyhow::Result<Examined> {
    let _progress = Progress::of(&format!("compiling {}", path.display()));
    examiner.examine(path)
}

/// The name of the plugin in a file, by its manifest: what the file or the project is called may be something else. A file
/// that would be refused has one, too, if only the settings or grants of a host are in its way.
pub fn plugin_in(path: &Path) -> anyhow::Result<PluginName> {
    let examined = shown(&Examiner::new(Config::default())?, path)?;
    let manifest = examined.anatomy.manifest.as_deref().unwrap_or_default();
    let manifest: Value = serde_json::from_str(manifest).unwrap_or_default();
    let name = manifest["name"].as_str().and_then(|name| PluginName::parse(name).ok());
    name.ok_or_else(|| refusals::of_examined(&examined))
}
