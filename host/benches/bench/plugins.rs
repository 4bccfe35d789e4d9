//! The benchmark `plugins-start`: how much each plugin adds to a start when all are compiled. Must never count a plugin
//! that does not serve.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::command_line::{Bench, component};
use super::host::HostDirectory;
use super::rows::{Measured, PLUGINS_START};

const NAME: &[u8] = b"tutorial";

pub fn measure(bench: &Bench) -> Result<Vec<Measured>> {
    let plugins = if bench.quick { 20 } else { 1_000 };
    let (many, one) = (compiled(bench, plugins)?, compiled(bench, 1)?);
    let mut ratios = Vec::new();
    for round in 1..=bench.rounds {
        let (all, single) = (start(&many, plugins)?, start(&one, 1)?);
        ratios.push((all.as_secs_f64() - single.as_secs_f64()) * 1e3 / (plugins - 1) as f64);
        bench.progress(&format!("round {round}: {plugins} plugins {all:.0?}, one {single:.0?}"));
    }
    Ok(vec![Measured::new(&PLUGINS_START, ratios, Vec::new())])
}

/// A directory whose plugins a first start has compiled.
fn compiled(bench: &Bench, plugins: usize) -> Result<HostDirectory> {
    let host = HostDirectory::new("plugins")?;
    let file = component("plugins/tutorial")?;
    let tutorial =
        std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    for number in 1..=plugins {
        let name = format!("t{number:07}");
        let path = host.plugins().join(&name).with_extension("wasm");
        std::fs::write(&path, renamed(&tutorial, name.as_bytes())?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let begun = Instant::now();
    let server = host.start()?;
    let serving = host.serving(&server)?;
    bench.progress(&format!("first start with {plugins} plugins: {:.1?}", begun.elapsed()));
    ensure!(serving == plugins, "of {plugins} renamed plugins {serving} serve");
    server.stop()?;
    Ok(host)
}

/// The same plugin under another name. The name is in the component's data; a name of the same length moves nothing
/// else. `compiled` checks that the host serves all of them.
fn renamed(component: &[u8], name: &[u8]) -> Result<Vec<u8>> {
    ensure!(name.len() == NAME.len(), "a name of another length would move everything after it");
    let mut renamed = component.to_vec();
    let mut at = 0;
    while let Some(found) = renamed[at..].windows(NAME.len()).position(|bytes| bytes == NAME) {
        renamed[at + found..at + found + NAME.len()].copy_from_slice(name);
        at += found + NAME.len();
    }
    ensure!(at > 0, "the tutorial's component does not contain its name");
    Ok(renamed)
}

/// Measures from the start of the process until all plugins serve.
fn start(host: &HostDirectory, plugins: usize) -> Result<Duration> {
    let begun = Instant::now();
    let server = host.start()?;
    let ready = begun.elapsed();
    let serving = host.serving(&server)?;
    ensure!(serving == plugins, "of {plugins} plugins {serving} serve after a start");
    server.stop()?;
    Ok(ready)
}
