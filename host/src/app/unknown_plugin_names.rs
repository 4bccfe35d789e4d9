//! Warns of names in the configuration that no plugin has: most likely they are mistyped, and they have no effect.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use moothall_core::config::{Config, nearest};
use moothall_engine::plugins::stem;
use moothall_engine::plugins::{Plugins, Seen};

/// How often to check whether all plugin files are loaded.
const POLL: Duration = Duration::from_millis(500);

/// Logs a warning for each such name after the start and after each change of the configuration.
pub async fn watch(plugins: Arc<Plugins>, mut configs: watch::Receiver<Arc<Config>>) {
    loop {
        let config = configs.borrow_and_update().clone();
        tokio::time::sleep(POLL).await;
        while plugins.is_compiling() || matches!(plugins.seen(), Seen::Starting) {
            tokio::time::sleep(POLL).await;
        }
        warnings(&config, &plugins).iter().for_each(|sentence| tracing::warn!("{sentence}"));
        if configs.changed().await.is_err() {
            // The host stops.
            return std::future::pending().await;
        }
    }
}

fn warnings(config: &Config, plugins: &Plugins) -> Vec<String> {
    let reports = plugins.reports();
    let files: BTreeSet<&str> = reports.iter().map(|one| stem(&one.file)).collect();
    // If a file is inactive or does not load, only its file name is known.
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
        format!("[plugins.{name}]: there is no plugin `{name}`{}", suggestion(name, &names))
    });
    active.chain(configured).collect()
}
