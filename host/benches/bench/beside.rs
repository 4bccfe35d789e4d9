//! The rows `hooks-…` and `monitoring…`: `times-two` with something beside it, and without. Must never
//! measure a side whose something did not happen.

use anyhow::{Context, Result, ensure};

use super::command_line::Bench;
use super::exchange::exchange;
use super::host::{HostDirectory, TUTORIAL};
use super::http::{FIRST_DOUBLED, figures};
use super::load::{CONNECTIONS, Load, Report};
use super::rows::{HOOKS_IDLE, HOOKS_STEP, MONITORING, MONITORING_BLOCKED, Measured, Row};
use super::server::Server;

const BACKSTAGE: &str = r#"{"name":"backstage","config":{}}"#;
const RESIDENT: &str = "[plugins.resident]\nsettings = { label = \"bench\" }\n";
/// Of the points of a plugin that keeps up.
const DROPPED_MOST: f64 = 0.01;

/// A host that is ready for its load.
struct Beside {
    host: HostDirectory,
    server: Server,
}

impl Beside {
    fn start(bench: &Bench, toml: &str, files: &[&str], plugins: &[&str]) -> Result<Self> {
        let host = HostDirectory::with("beside", files)?;
        host.set("moothall.toml", toml)?;
        let server = host.start()?;
        host.populate(bench, &server, CONNECTIONS as u64, plugins)?;
        host.expect(&server, &host.times_two("c000000"), FIRST_DOUBLED)?;
        Ok(Self { host, server })
    }

    fn load(&self, bench: &Bench) -> Load {
        Load::new(bench, &self.server, self.host.times_two("c{connection}"))
    }

    /// A number of the host's; 0 where it was never counted.
    fn number(&self, parts: &[&str]) -> Result<f64> {
        let answer = exchange(self.server.address, &self.host.request("GET", "/metrics", ""))?;
        let line = answer
            .body
            .lines()
            .find(|line| !line.starts_with('#') && parts.iter().all(|part| line.contains(part)));
        let number = line.and_then(|line| line.rsplit_once(' '));
        number.map_or(Ok(0.0), |(_, text)| text.parse().context("a number that is none"))
    }
}

pub fn hooks(bench: &Bench) -> Result<Vec<Measured>> {
    let tutorial = &["plugins/tutorial"];
    let off = Beside::start(bench, "[hooks]\nenabled = false\n", tutorial, &[TUTORIAL])?;
    let on = Beside::start(bench, "", tutorial, &[TUTORIAL])?;
    let both = &["plugins/tutorial", "fixtures/backstage"];
    let step = Beside::start(bench, "", both, &[TUTORIAL, BACKSTAGE])?;
    let (mut offs, mut ons, mut steps) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=bench.rounds {
        offs.push(off.load(bench).run()?);
        ons.push(on.load(bench).run()?);
        steps.push(step.load(bench).run()?);
        let (off, on, step) = (figures(&offs), figures(&ons), figures(&steps));
        bench.progress(&format!("round {round}: off {off}; on {on}; one step {step}"));
    }
    let filtered = step.number(&["moothall_calls_total", "backstage", "filter", "\"ok\""])?;
    ensure!(filtered > 0.0, "the filter was never called");
    Ok(vec![
        compared(&HOOKS_IDLE, ("on", &ons), ("off", &offs)),
        compared(&HOOKS_STEP, ("one step", &steps), ("none", &ons)),
    ])
}

pub fn monitoring(bench: &Bench) -> Result<Vec<Measured>> {
    let without = Beside::start(bench, "", &["plugins/tutorial"], &[TUTORIAL])?;
    let both = &["plugins/tutorial", "fixtures/resident"];
    let with = Beside::start(bench, RESIDENT, both, &[TUTORIAL])?;
    let blocked = Beside::start(bench, RESIDENT, both, &[TUTORIAL])?;
    let block = blocked.host.request("GET", "/api/plugins/resident/block/on", "");
    ensure!(exchange(blocked.server.address, &block)?.status == 200, "the plugin does not block");
    let (mut withouts, mut withs, mut blockeds) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=bench.rounds {
        withouts.push(without.load(bench).run()?);
        withs.push(with.load(bench).run()?);
        blockeds.push(blocked.load(bench).run()?);
        let (without, with) = (figures(&withouts), figures(&withs));
        let blocked = figures(&blockeds);
        bench
            .progress(&format!("round {round}: without {without}; with {with}; blocked {blocked}"));
    }
    let dropped = ["moothall_monitoring_dropped_total"];
    let seen = with.number(&["moothall_http_requests_total", "\"200\""])?;
    let share = with.number(&dropped)? / seen;
    let lost = blocked.number(&dropped)?;
    ensure!(lost > 0.0, "a plugin that blocks lost nothing");
    let too_many = (share > DROPPED_MOST)
        .then(|| format!("{:.1} % of the points were dropped", share * 100.0));
    let note = format!("{:.2} % of the points dropped", share * 100.0);
    Ok(vec![
        compared(&MONITORING, ("with", &withs), ("without", &withouts))
            .note(note)
            .not_judged(too_many),
        compared(&MONITORING_BLOCKED, ("blocked", &blockeds), ("without", &withouts)),
    ])
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
