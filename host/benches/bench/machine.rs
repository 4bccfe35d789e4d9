//! The machine of the measurement: figures without it say nothing. It is read before the first
//! round, so that it cannot influence the measurement.

use std::fs::{self, File};
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::command_line::scratch;
use super::rows::median;

const SYNCS: usize = 50;

/// The lines above the table.
pub fn describe() -> Result<String> {
    let cores = std::thread::available_parallelism().context("cannot count the cores")?;
    let scan = if moothall_guest::engine::has_fast_reset() { "available" } else { "not available" };
    let sync = sync_time()?.as_micros();
    Ok(format!(
        "machine: {}, {cores} cores, Linux {}, pagemap_scan {scan}\n\
         disk: a 4 KiB append with fsync takes {sync} us (median of {SYNCS}); load average at the start: {}",
        cpu_model(),
        line("/proc/sys/kernel/osrelease"),
        line("/proc/loadavg").split(' ').next().unwrap_or_default(),
    ))
}

fn cpu_model() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find(|line| line.starts_with("model name"))
        .and_then(|line| line.split_once(": "));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, model)| model.to_owned())
}

fn line(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

/// Appends, because overwriting the same block need not touch the file's metadata and is faster.
fn sync_time() -> Result<Duration> {
    let directory = scratch("fsync")?;
    let mut file =
        File::create(directory.path().join("file")).context("cannot write the file to sync")?;
    let mut times = Vec::new();
    for number in 0..SYNCS {
        let begun = Instant::now();
        file.write_all(&[number as u8; 4096])
            .and_then(|()| file.sync_all())
            .context("cannot sync a file")?;
        times.push(begun.elapsed().as_secs_f64());
    }
    Ok(Duration::from_secs_f64(median(&times)))
}
