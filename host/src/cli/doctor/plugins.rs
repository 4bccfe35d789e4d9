//! The plugin directory: which files are no components, and which names of the configuration no file has.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::Finding;
use moothall_core::config::{Config, nearest};
use moothall_engine::plugins::compile::is_component;

/// The bytes by which a component is known.
const HEAD: u64 = 8;

pub fn look(config: &Config, all: &mut Vec<Finding>) {
    let directory = config.plugin_directory();
    let files = match files(&directory) {
        Ok(files) => files,
        Err(error) => {
            return all.push(Finding::warning(
                "plugins",
                format!("{} cannot be read: {error}", directory.display()),
                "make it, or name another with --plugins; the host waits for it",
            ));
        }
    };
    let wrong = files.iter().filter_map(|(name, file)| Some((name, file.as_ref().err()?)));
    all.extend(wrong.map(|(name, why)| {
        let remedy = "remove it, or replace it; the host serves the others";
        Finding::warning("plugins", format!("{name}.wasm: {why}"), remedy)
    }));
    let count = files.values().filter(|file| file.is_ok()).count();
    all.push(Finding::good("plugins", format!("{count} in {}", directory.display())));
    unknown(config, &files.keys().map(String::as_str).collect::<Vec<_>>(), all);
}

/// By their names without `.wasm`: whether each is a component.
fn files(directory: &Path) -> std::io::Result<BTreeMap<String, Result<(), String>>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if let Some(stem) = stem
            && path.extension().is_some_and(|end| end == "wasm")
        {
            found.insert(stem.to_owned(), examined(&path));
        }
    }
    Ok(found)
}

fn examined(path: &Path) -> Result<(), String> {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    read.map_err(|error| format!("it cannot be read: {error}"))?;
    is_component(&head)
}

/// A name of `active_plugins` that no file has keeps nothing from starting, and is most likely mistyped.
fn unknown(config: &Config, files: &[&str], all: &mut Vec<Finding>) {
    for name in config.active_plugins.iter().flatten() {
        if !files.contains(&name.as_str()) {
            all.push(Finding::warning(
                "plugins",
                format!(
                    "active_plugins names {name}, but there is no file {name}.wasm{}",
                    nearest(name, files)
                ),
                "correct the name, or put the file there",
            ));
        }
    }
}
