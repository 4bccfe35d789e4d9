//! The options that name the configuration and the data, and the database that they lead to.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use crate::app::DataDirectory;
use moothall_core::config::{Argument, Config, Sources, load};
use moothall_store::Store;

/// The paths of the configuration and the data.
#[derive(Clone, Debug, Args)]
pub struct DataArgs {
    /// Configuration file; `moothall.toml` in the working directory if it is there.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data directory; `moothall-data` in the working directory.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

impl DataArgs {
    pub fn sources(&self) -> anyhow::Result<Sources> {
        let mut arguments = Vec::new();
        if let Some(data) = &self.data {
            let value = text(data)?.into();
            arguments.push(Argument { option: "--data", setting: "data", value });
        }
        Ok(Sources { file: self.config.clone(), arguments })
    }

    pub fn load(&self) -> anyhow::Result<Config> {
        Ok(load(&self.sources()?)?)
    }

    /// Loads the configuration; fails if the database is missing.
    pub fn load_existing(&self) -> anyhow::Result<Config> {
        let config = self.load()?;
        let database = config.database();
        if !database.is_file() {
            bail!("there is no database {}; name its directory with --data", database.display());
        }
        Ok(config)
    }

    /// Opens the database; fails if it is missing.
    pub fn store(&self) -> anyhow::Result<(Store, DataDirectory)> {
        open(&self.load_existing()?)
    }

    /// Opens the database, and makes it if it is missing. Makes the directory only if it is the default one, or `is_new`.
    pub fn store_or_new(&self, is_new: bool) -> anyhow::Result<(Store, DataDirectory)> {
        let config = self.load()?;
        if !is_new {
            DataDirectory::refuse_lost(&config)?;
            refuse_mistyped(&config.data)?;
        }
        open(&config)
    }
}

/// Opens the database; without migrating it if a host is using it.
fn open(config: &Config) -> anyhow::Result<(Store, DataDirectory)> {
    let data = DataDirectory::open(&config.data)?;
    let store = match data.try_lock()? {
        true => Store::open(&config.database(), &config.store)?,
        false => Store::open_beside_host(&config.database(), &config.store)?,
    };
    Ok((store, data))
}

/// Catches a mistyped `--data`: a new database beside it would be no use.
fn refuse_mistyped(data: &Path) -> anyhow::Result<()> {
    if data.is_dir() || data == Config::default().data {
        return Ok(());
    }
    bail!(
        "there is no data directory {}; name the one that the host uses with --data, or make this one with --new",
        data.display()
    )
}

pub fn text(path: &Path) -> anyhow::Result<String> {
    path.to_str()
        .map(str::to_owned)
        .with_context(|| format!("the path {} is not UTF-8", path.display()))
}
