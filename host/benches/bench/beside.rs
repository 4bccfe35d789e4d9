//! The rows `hooks-…` and `monitoring…`: `times-two` with and without hooks or monitoring. Must
//! never count a side whose hook or monitoring did not happen.

use anyhow::{Context, Result, ensure};

use super::command_line::Bench;
use super::exchange::exchange;
use super::host::{HostDirectory, TUTORIAL};
use super::http::{FIRST_DOUBLED, figures};
use super::load::{CONNECTIONS, Load, Report};
use super::rows::{HOOKS_IDLE, HOOKS_STEP, MONITORING, MONITORING_BLOCKED, Measured, Row};
use super::server::Server;

const BACKSTAGE: &str = r#"{"name":"backstage","config":{}}"#;
const FILTERING: &str = "[plugins.backstage]\ngrants = { hooks = [\"action.requested\"] }\n";
const RESIDENT: &str = "[plugins.resident]\nscope = \"host\"\nsettings = { label = \"bench\" }\n";
/// The share of points that a plugin must get to count as keeping up.
const DROPPED_MOST: f64 = 0.01;
const DROPPED: &str = "moothall_monitoring_dropped_total";

/// A host that is started anew for each round. The place of a process in memory makes
/// more difference than what is measured here, and a second host beside it would take CPU time.
struct RestartedHost {
    host: HostDirectory,
    bench: Bench,
    reports: Vec<Report>,
}

impl RestartedHost {
    fn new(bench: &Bench, toml: &str, files: &[&str], plugins: &[&str]) -> Result<Self> {
        let host = HostDirectory::with("beside", files)?;
        host.set("moothall.toml", toml)?;
        let server = host.start()?;
        host.populate(bench, &server, CONNECTIONS as u64, plugins)?;
        server.stop()?;
        Ok(Self { host, bench: bench.clone(), reports: Vec::new() })
    }

    /// A round, until the host's counters are read.
    fn run(
        &mut self,
        begin: impl FnOnce(&HostDirectory, &Server) -> Result<()>,
    ) -> Result<Counted> {
        let server = self.host.start()?;
        self.host.expect(&server, &self.host.times_two("c000000"), FIRST_DOUBLED)?;
        begin(&self.host, &server)?;
        let load = Load::new(&self.bench, &server, self.host.times_two("c{connection}"));
        self.reports.push(load.run()?);
        let metrics = exchange(server.address, &self.host.request("GET", "/metrics", ""))?.body;
        server.stop()?;
        Ok(Counted(metrics))
    }
}

/// The host's metrics at the end of a round.
struct Counted(String);

impl Counted {
    /// 0 if it was never counted.
    fn number(&self, parts: &[&str]) -> Result<f64> {
        let is_it =
            |line: &&str| !line.starts_with('#') && parts.iter().all(|part| line.contains(part));
        let number = self.0.lines().find(is_it).and_then(|line| line.rsplit_once(' '));
        number.map_or(Ok(0.0), |(_, text)| text.parse().context("a number that is none"))
    }
}

fn nothing(_: &HostDirectory, _: &Server) -> Result<()> {
    Ok(())
}

pub fn hooks(bench: &Bench) -> Result<Vec<Measured>> {
    let tutorial = &["plugins/tutorial"];
    let mut off = RestartedHost::new(bench, "[hooks]\nenabled = false\n", tutorial, &[TUTORIAL])?;
    let mut on = RestartedHost::new(bench, "", tutorial, &[TUTORIAL])?;
    let both = &["plugins/tutorial", "fixtures/backstage"];
    let mut step = RestartedHost::new(bench, FILTERING, both, &[TUTORIAL, BACKSTAGE])?;
    for round in 1..=bench.rounds {
        off.run(nothing)?;
        on.run(nothing)?;
        let counted = step.run(nothing)?;
        let filtered =
            counted.number(&["moothall_calls_total", "backstage", "filter", "\"ok\""])?;
        ensure!(filtered > 0.0, "the filter was never called");
        let (off, on) = (figures(&off.reports), figures(&on.reports));
        let step = figures(&step.reports);
        bench.progress(&format!("round {round}: off {off}; on {on}; one step {step}"));
    }
    Ok(vec![
        compared(&HOOKS_IDLE, ("on", &on.reports), ("off", &off.reports)),
        compared(&HOOKS_STEP, ("one step", &step.reports), ("none", &on.reports)),
    ])
}

pub fn monitoring(bench: &Bench) -> Result<Vec<Measured>> {
    let mut without = RestartedHost::new(bench, "", &["plugins/tutorial"], &[TUTORIAL])?;
    let both = &["plugins/tutorial", "fixtures/resident"];
    let mut with = RestartedHost::new(bench, RESIDENT, both, &[TUTORIAL])?;
    let mut blocked = RestartedHost::new(bench, RESIDENT, both, &[TUTORIAL])?;
    let (mut seen, mut lost) = (0.0, 0.0);
    for round in 1..=bench.rounds {
        without.run(nothing)?;
        let counted = with.run(nothing)?;
        seen += counted.number(&["moothall_http_requests_total", "\"200\""])?;
        lost += counted.number(&[DROPPED])?;
        let counted = blocked.run(block)?;
        ensure!(counted.number(&[DROPPED])? > 0.0, "a plugin that blocks lost nothing");
        let (without, with) = (figures(&without.reports), figures(&with.reports));
        let blocked = figures(&blocked.reports);
        bench
            .progress(&format!("round {round}: without {without}; with {with}; blocked {blocked}"));
    }
    let share = lost / seen;
    let too_many = (share > DROPPED_MOST)
        .then(|| format!("{:.1} % of the points were dropped", share * 100.0));
    let note = format!("{:.2} % of the points dropped", share * 100.0);
    Ok(vec![
        compared(&MONITORING, ("with", &with.reports), ("without", &without.reports))
            .note(note)
            .not_judged(too_many),
        compared(&MONITORING_BLOCKED, ("blocked", &blocked.reports), ("without", &without.reports)),
    ])
}

/// Makes its next batch of points take a minute.
fn block(host: &HostDirectory, server: &Server) -> Result<()> {
    let block = host.request("GET", "/api/plugins/resident/block/on", "");
    ensure!(exchange(server.address, &block)?.status == 200, "the plugin does not block");
    Ok(())
}

fn compared(
    row: &'static Row,
    one: (&'static str, &[Report]),
    other: (&'static str, &[Report]),
) -> Measured {
    let pairs = one.1.iter().zip(other.1);
    let ratios = pairs.map(|(one, other)| one.per_second() / other.per_second()).collect();
    Measured::new(row, ratios, vec![Report::side(one.0, one.1), Report::side(other.0, other.1)])
}
