//! The rows `sandbox-…` and `resident`: calls without HTTP, database or checks: a new wasmtime `Store`, an instance,
//! `times-two`, and dropping both. Must never use anything of the host except its engine settings.
//!
//! Each measurement is a process of its own, so that one engine's reserved memory does not slow the
//! other.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use moothall_guest::engine;
use serde::{Deserialize, Serialize};

use super::command_line::{Bench, component};
use super::helper_process::HelperProcess;
use super::rows::{Measured, RESIDENT, SANDBOX_SETTINGS, SANDBOX_THREADS, Side, median_of};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    pub component: PathBuf,
    pub settings: Settings,
    pub threads: usize,
    pub guest: CalledGuest,
    pub warm_up: Duration,
    pub window: Duration,
}

/// What a thread calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CalledGuest {
    /// A new instance for each call.
    Fresh,
    /// One instance for all calls.
    Resident,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Settings {
    Ours,
    DefaultPooling,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Calls {
    pub per_second: f64,
    pub p50_us: f64,
    pub cpu_us: f64,
}

pub fn measure(bench: &Bench) -> Result<Vec<Measured>> {
    let component = component("plugins/tutorial")?;
    let calls = |settings, threads, guest| {
        let (warm_up, window) = (bench.warm_up(), bench.window());
        let component = component.clone();
        let run = Run { component, settings, threads, guest, warm_up, window };
        HelperProcess::start("bare-calls", &run)?.report::<Calls>()
    };
    let (mut ours, mut defaults, mut two) = (Vec::new(), Vec::new(), Vec::new());
    let mut live = Vec::new();
    for round in 1..=bench.rounds {
        defaults.push(calls(Settings::DefaultPooling, 1, CalledGuest::Fresh)?);
        ours.push(calls(Settings::Ours, 1, CalledGuest::Fresh)?);
        two.push(calls(Settings::Ours, 2, CalledGuest::Fresh)?);
        live.push(calls(Settings::Ours, 1, CalledGuest::Resident)?);
        let (default, ours, two) = (figures(&defaults), figures(&ours), figures(&two));
        bench.progress(&format!(
            "round {round}: default {default}; ours {ours}; on two threads {two}"
        ));
    }
    Ok(vec![of_settings(&ours, &defaults), of_threads(&two, &ours), of_resident(&live, &ours)])
}

fn of_settings(ours: &[Calls], defaults: &[Calls]) -> Measured {
    let ratios =
        ours.iter().zip(defaults).map(|(ours, default)| ours.p50_us / default.p50_us).collect();
    let p50 = |calls| median_of(calls, |calls: &Calls| calls.p50_us);
    let no_scan = (!engine::has_fast_reset())
        .then(|| "this kernel has no pagemap_scan (Linux 6.7)".to_owned());
    Measured::new(
        &SANDBOX_SETTINGS,
        ratios,
        vec![side("ours", ours), side("default pooling", defaults)],
    )
    .note(format!("p50 of a call: {:.1} us and {:.1} us", p50(ours), p50(defaults)))
    .not_judged(no_scan)
}

fn of_threads(two: &[Calls], one: &[Calls]) -> Measured {
    let ratios = two.iter().zip(one).map(|(two, one)| two.per_second / one.per_second).collect();
    Measured::new(&SANDBOX_THREADS, ratios, vec![side("two threads", two), side("one thread", one)])
}

fn of_resident(live: &[Calls], fresh: &[Calls]) -> Measured {
    let ratios = live.iter().zip(fresh).map(|(live, fresh)| live.p50_us / fresh.p50_us).collect();
    Measured::new(&RESIDENT, ratios, vec![side("lives on", live), side("fresh", fresh)])
}

fn side(name: &'static str, calls: &[Calls]) -> Side {
    let cpu_us = Some(median_of(calls, |calls| calls.cpu_us));
    Side { name, per_second: median_of(calls, |calls| calls.per_second), cpu_us }
}

/// The last calls, for the progress.
fn figures(calls: &[Calls]) -> String {
    calls.last().map_or_else(String::new, |calls| {
        format!("{:.0}/s, p50 {:.1} us", calls.per_second, calls.p50_us)
    })
}
