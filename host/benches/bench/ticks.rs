//! The row `ticks`: one due producer for each instance, all at once and each doing nothing,
//! compared with calls in-process. It only reads the host's database, to count committed ticks.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, OpenFlags};

use super::command_line::{Bench, component};
use super::helper_process::HelperProcess;
use super::host::{HostDirectory, TUTORIAL};
use super::process;
use super::rows::{Measured, Side, TICKS, median_of};
use super::sandbox::{CalledGuest, Calls, Run, Settings};
use super::server::Server;

/// The threads on which the scheduler ticks.
const THREADS: usize = 2;
/// Long enough that no tick is due while instances are made, or twice in one round.
const SETTINGS: &str = "[plugins.tutorial]\nevery = { producer = \"1d\" }\n";
/// How far the clock is set forward, to make all of them due.
const AHEAD: Duration = Duration::from_hours(48);
/// The longest wait for ticks.
const ALL_WITHIN: Duration = Duration::from_mins(10);
const SETTLE: Duration = Duration::from_secs(30);
/// The time between two reads of the file.
const POLL: Duration = Duration::from_millis(10);
const CLOCK: &str = "clock";

/// One round of ticks.
#[derive(Debug)]
struct Ticks {
    per_second: f64,
    cpu_us: f64,
}

pub fn measure(bench: &Bench) -> Result<Vec<Measured>> {
    let instances = if bench.quick { 2_000 } else { 100_000 };
    let (host, server) = filled(bench, instances)?;
    let schedules = Schedules::open(&host)?;
    let component = component("plugins/tutorial")?;
    let (mut ticks, mut calls) = (Vec::new(), Vec::new());
    for round in 1..=bench.rounds {
        calls.push(bare_calls(bench, component.clone())?);
        let make_due = || host.set(CLOCK, &(AHEAD * round as u32).as_millis().to_string());
        ticks.push(all_tick(&server, &schedules, instances, make_due)?);
        server.await_idle(SETTLE)?;
        bench.progress(&format!("round {round}: {:?}, {:?}", ticks.last(), calls.last()));
    }
    let pairs = ticks.iter().zip(&calls);
    let ratios = pairs.map(|(ticks, calls)| ticks.per_second / calls.per_second).collect();
    Ok(vec![Measured::new(&TICKS, ratios, sides(&ticks, &calls))])
}

fn filled(bench: &Bench, instances: u64) -> Result<(HostDirectory, Server)> {
    let host = HostDirectory::with("ticks", &["plugins/tutorial"])?;
    let clock = host.path().join(CLOCK);
    host.set("moothall.toml", SETTINGS)?;
    host.set(".env", &format!("MOOTHALL_TEST_CLOCK={}\n", clock.display()))?;
    let server = host.start()?;
    // Without a `server_url` the plugin's producer has nothing to do.
    let report = host.populate(bench, &server, instances, &[TUTORIAL])?;
    bench.progress(&format!("{instances} communities made in {:.1} s", report.seconds));
    server.await_idle(SETTLE)?;
    Ok((host, server))
}

fn bare_calls(bench: &Bench, component: PathBuf) -> Result<Calls> {
    let (warm_up, window) = (bench.warm_up(), bench.window());
    let (settings, guest) = (Settings::Ours, CalledGuest::Fresh);
    let run = Run { component, settings, threads: THREADS, guest, warm_up, window };
    HelperProcess::start("bare-calls", &run)?.report()
}

/// Measures from the moment when all are due until the last one has advanced.
fn all_tick(
    server: &Server,
    schedules: &Schedules,
    instances: u64,
    make_due: impl FnOnce() -> Result<()>,
) -> Result<Ticks> {
    // Read before any of them advances.
    let last = schedules.last()?;
    let (begun, cpu) = (Instant::now(), process::cpu(server.pid())?);
    make_due()?;
    while schedules.first()? <= last {
        ensure!(begun.elapsed() < ALL_WITHIN, "not every tick came");
        thread::sleep(POLL);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let cpu = process::cpu(server.pid())?.saturating_sub(cpu).as_secs_f64();
    schedules.ensure_ticked(instances)?;
    Ok(Ticks { per_second: instances as f64 / seconds, cpu_us: cpu * 1e6 / instances as f64 })
}

fn sides(ticks: &[Ticks], calls: &[Calls]) -> Vec<Side> {
    let side = |name, per_second, cpu_us| Side { name, per_second, cpu_us: Some(cpu_us) };
    let ticks = side(
        "ticks",
        median_of(ticks, |ticks| ticks.per_second),
        median_of(ticks, |ticks| ticks.cpu_us),
    );
    let calls = side(
        "calls in-process",
        median_of(calls, |calls| calls.per_second),
        median_of(calls, |calls| calls.cpu_us),
    );
    vec![ticks, calls]
}

/// The due times in the file.
struct Schedules(Connection);

impl Schedules {
    fn open(host: &HostDirectory) -> Result<Self> {
        let file = host.path().join("data/moothall.db");
        let opened = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_ONLY);
        opened.map(Self).with_context(|| format!("cannot open {}", file.display()))
    }

    fn number(&self, question: &str) -> Result<i64> {
        let mut statement = self.0.prepare_cached(question)?;
        statement.query_row([], |row| row.get(0)).context("cannot read the schedules")
    }

    fn first(&self) -> Result<i64> {
        self.number("SELECT min(due_at) FROM schedule")
    }

    fn last(&self) -> Result<i64> {
        self.number("SELECT max(due_at) FROM schedule")
    }

    /// A schedule also advances when its tick fails.
    fn ensure_ticked(&self, instances: u64) -> Result<()> {
        let ticked = self
            .number("SELECT count(*) FROM schedule WHERE last_at IS NOT NULL AND failures = 0")?;
        ensure!(ticked == instances as i64, "{ticked} of {instances} schedules have ticked");
        Ok(())
    }
}
