//! Makes the loader of plugin files: the sandbox with its pool, and the cache of native code.

use std::path::PathBuf;
use std::sync::Arc;

use moothall_core::config::Config;
use moothall_core::day_budget::DayBudgets;
use moothall_engine::plugins::compile::{Cache, Compilers};
use moothall_engine::plugins::{Apart, Loader};
use moothall_guest::{Sandbox, Shared, engine};

/// Makes the loader for so many runtimes that make calls; `cache` is the directory of native code.
pub fn loader(
    config: &Config,
    shared: Shared,
    cache: PathBuf,
    budgets: Arc<DayBudgets>,
    runtimes: usize,
) -> anyhow::Result<Loader> {
    let (store, clock) = (shared.store.clone(), shared.clock.clone());
    let sandbox = Sandbox::new(&config.pool_limits(), shared).map_err(|error| {
        anyhow::anyhow!(
            "the sandbox cannot be set up: {error:#}; lower calls, residents, memory_bytes or memories_per_component in [limits]"
        )
    })?;
    engine::require_native_code(sandbox.engine()).map_err(anyhow::Error::msg)?;
    Ok(Loader {
        cache: Cache::new(cache, sandbox.engine()),
        compilers: Compilers::default(),
        sandbox: Arc::new(sandbox),
        store,
        clock,
        runtimes,
        apart: Apart::default(),
        budgets,
    })
}
