//! Examines plugin files as a host loads them, without being a host: for the command line.
//!
//! It has a database and a cache of its own, in a directory that goes with it, and a pool with room for one call.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, bail};
use tokio::runtime::Runtime;

use crate::app::DataDirectory;
use crate::app::leftovers::Scratch;
use crate::app::loader::loader;
use moothall_core::clock::Clock;
use moothall_core::config::Config;
use moothall_core::day_budget::DayBudgets;
use moothall_core::secrets::Keyring;
use moothall_core::telemetry::{self, Numbers};
use moothall_egress::Egress;
use moothall_engine::calls::{Repeated, repeat};
use moothall_engine::plugins::compile::digest;
use moothall_engine::plugins::{Anatomy, LoadError, Loaded, Loader, Plugin};
use moothall_guest::{Quotas, Shared, StateReads};
use moothall_store::Store;
use moothall_values::recording::Recording;

/// Its one thread makes calls.
const RUNTIMES: usize = 1;
/// A process counts in one place, so all examiners of a command share it.
static NUMBERS: OnceLock<Numbers> = OnceLock::new();

pub struct Examiner {
    config: Config,
    loader: Loader,
    runtime: Runtime,
    _directory: Scratch,
}

/// A plugin file, and what a host makes of it.
pub struct Examined {
    pub path: PathBuf,
    pub bytes: u64,
    /// Empty if the file is too large to be read.
    pub digest: String,
    pub anatomy: Anatomy,
    pub outcome: Result<Loaded, Vec<LoadError>>,
}

impl Examiner {
    /// An examiner with the operator's limits, settings and grants.
    pub fn new(mut config: Config) -> anyhow::Result<Self> {
        let directory = Scratch::new()?;
        config.data = directory.path().join("data");
        config.limits.calls = 1;
        config.limits.residents = 0;
        let data = DataDirectory::open(&config.data)?;
        let store = Store::open(&config.database(), &config.store)?;
        config.limits.set_day_bytes(store.bound_bytes());
        let keyring = Keyring::load_or_create(&data.key().file, None)?;
        let shared = Shared {
            store,
            keyring: Arc::new(keyring),
            clock: Clock::system(),
            quotas: Arc::new(Quotas::new(&config)),
            egress: Egress::new(&config.egress)?,
            numbers: numbers(&config)?,
            state_cache: config.store.state_cache(),
            state_reads: StateReads::default(),
        };
        let budgets = Arc::new(DayBudgets::default());
        let loader = loader(&config, shared, data.cache(), budgets, RUNTIMES)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { config, loader, runtime, _directory: directory })
    }

    pub fn examine(&self, path: &Path) -> anyhow::Result<Examined> {
        self.examine_under(path, &self.config)
    }

    /// The same under another configuration, whose calls have no more memory than the examiner's own. What was compiled
    /// once is not compiled again.
    pub fn examine_under(&self, path: &Path, config: &Config) -> anyhow::Result<Examined> {
        let bytes = size(path)?;
        let (path, mut anatomy) = (path.to_owned(), Anatomy::default());
        if let Some(error) = LoadError::of_size(bytes, config.limits.plugin_file_bytes) {
            let (digest, outcome) = (String::new(), Err(vec![error]));
            return Ok(Examined { path, bytes, digest, anatomy, outcome });
        }
        let wasm = std::fs::read(&path).with_context(|| cannot_read(&path))?;
        let digest = digest(&wasm);
        let loading = self.loader.examine(wasm, digest.clone(), config, &mut anatomy);
        let outcome = self.runtime.block_on(loading);
        Ok(Examined { path, bytes, digest, anatomy, outcome })
    }

    /// Repeats a recorded call with a plugin that was examined here.
    pub fn repeat(
        &self,
        plugin: &Arc<Plugin>,
        recording: &Arc<Recording>,
    ) -> Result<Repeated, String> {
        self.runtime.block_on(repeat(plugin, recording))
    }
}

fn numbers(config: &Config) -> anyhow::Result<Numbers> {
    if let Some(numbers) = NUMBERS.get() {
        return Ok(numbers.clone());
    }
    let numbers = Numbers(telemetry::count(&config.metrics)?);
    Ok(NUMBERS.get_or_init(|| numbers).clone())
}

fn size(path: &Path) -> anyhow::Result<u64> {
    match std::fs::metadata(path) {
        Ok(file) if file.is_file() => Ok(file.len()),
        Ok(_) => bail!("{} is no file; name a .wasm file", path.display()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("there is no file {}; build the plugin, or name its .wasm file", path.display())
        }
        Err(error) => Err(error).with_context(|| cannot_read(path)),
    }
}

fn cannot_read(path: &Path) -> String {
    format!("{} cannot be read", path.display())
}
