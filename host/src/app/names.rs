//! Names in the configuration that no plugin has: mistyped most likely, and without effect.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use moothall_core::config::{Config, nearest};
use moothall_engine::plugins::stem;
use moothall_engine::plugins::{Plugins, Seen};

/// How often it is looked whether all files have been looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Says them after the start and after each change of the configuration.
pub async fn watch(plugins: Arc<Plugins>, mut configs: watch::Receiver<Arc<Config>>) {
    loop {
        let config = configs.borrow_and_update().clone();
        tokio::time::sleep(LOOK).await;
        while plugins.is_compiling() || matches!(plugins.seen(), Seen::Starting) {
            tokio::time::sleep(LOOK).await;
        }
        unknown(&config, &plugins).iter().for_each(|sentence| tracing::warn!("{sentence}"));
        if configs.changed().await.is_err() {
            // The host stops.
            return std::future::pending().await;
        }
    }
}

fn unknown(config: &Config, plugins: &Plugins) -> Vec<String> {
    let reports = plugins.reports();
    let files: BTreeSet<&str> = reports.iter().map(|one| stem(&one.file)).collect();
    // A file that is inactive, or does not load, may be known by its own name only.
    let named = reports.iter().filter_map(|one| one.name.as_deref());
    let names: BTreeSet<&str> = files.iter().copied().chain(named).collect();
    let suggestion = |name: &str, known: &BTreeSet<&str>| {
        nearest(name, &known.iter().copied().collect::<Vec<_>>())
    };
    let active =
        config.active_plugins.iter().flatten().filter(|name| !files.contains(name.as_str()));
    let active = active.map(|name| {
        format!(
            "active_plugins names `{name}`, but {} has no file {name}.wasm{}",
            config.plugin_directory().display(),
            suggestion(name, &files)
        )
    });
    let configured = config.plugins.keys().filter(|name| !names.contains(name.as_str()));
    let configured = configured.map(|name| {
        format!("[plugins.{name}] is of no plugin that is there{}", suggestion(name, &names))
    });
    active.chain(configured).collect()
}
