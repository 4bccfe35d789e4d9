//! What of the configuration changes while the host runs.

use std::sync::Arc;

use anyhow::bail;

use moothall_core::config::{Config, Sources, load};

/// The part of the configuration that takes effect at SIGHUP: which plugins are active, and what each may do.
pub fn reread(sources: &Sources, before: &Config) -> anyhow::Result<Arc<Config>> {
    let config = load(sources)?;
    let (pool, now) = (before.pool_limits(), config.pool_limits());
    if now.memory_bytes > pool.memory_bytes || now.table_elements > pool.table_elements {
        bail!(
            "a plugin's memory_bytes or table_elements cannot be raised above the largest at start; start again"
        );
    }
    let changed =
        Config { active_plugins: config.active_plugins, plugins: config.plugins, ..before.clone() };
    tracing::info!(
        "active_plugins and [plugins] are in force; other settings take effect at the next start"
    );
    Ok(Arc::new(changed))
}
