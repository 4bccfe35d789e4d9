//! The row `events-latency`: how much a file full of events and deliveries slows an action that
//! emits. Must never compare a host that has just been filled with one that was just started: both
//! are restarted.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::command_line::Bench;
use super::exchange::exchange;
use super::host::HostDirectory;
use super::http::figures;
use super::load::{CONNECTIONS, Load, Report};
use super::rows::{EVENTS_LATENCY, Measured, median_of};

const PROBE: &str = r#"{"name":"probe","config":{}}"#;
/// A few connections, so that latency is the host's work and not waiting.
const CALLERS: usize = 4;
/// The longest wait for the work that a start leaves (a checkpoint).
const SETTLE: Duration = Duration::from_secs(30);

pub fn measure(bench: &Bench) -> Result<Vec<Measured>> {
    let events = if bench.quick { 5_000 } else { 1_000_000 };
    let (full, empty) = (with_events(bench, events)?, with_events(bench, 0)?);
    let (full_server, empty_server) = (full.start()?, empty.start()?);
    full_server.await_idle(SETTLE)?;
    let on_full = Load::new(bench, &full_server, emit(&full)).connections(CALLERS);
    let on_empty = Load::new(bench, &empty_server, emit(&empty)).connections(CALLERS);
    let (mut fulls, mut empties) = (Vec::new(), Vec::new());
    for round in 1..=bench.rounds {
        fulls.push(on_full.run()?);
        empties.push(on_empty.run()?);
        bench.progress(&format!(
            "round {round}: full {}; empty {}",
            figures(&fulls),
            figures(&empties)
        ));
    }
    let ratios =
        fulls.iter().zip(&empties).map(|(full, empty)| full.p50_us / empty.p50_us).collect();
    let p50 = |reports| median_of(reports, |report: &Report| report.p50_us);
    let note = format!(
        "p50 {:.1} us and {:.1} us, with {CALLERS} connections",
        p50(&fulls),
        p50(&empties)
    );
    let sides = vec![Report::side("full", &fulls), Report::side("empty", &empties)];
    Ok(vec![Measured::new(&EVENTS_LATENCY, ratios, sides).note(note)])
}

fn emit(host: &HostDirectory) -> super::template::Template {
    let parameters = r#"{"event_type":"counted","data":{"value":{value}}}"#;
    host.action("probe.emit", "c{connection}", parameters)
}

/// The driver has no URL, so that each event makes a delivery that waits.
fn with_events(bench: &Bench, events: u64) -> Result<HostDirectory> {
    let host = HostDirectory::with("backlog", &["fixtures/probe"])?;
    let server = host.start()?;
    host.populate(bench, &server, CONNECTIONS as u64, &[PROBE])?;
    if events > 0 {
        let report = host.publish(bench, &server, events)?;
        bench.progress(&format!("{events} events published in {:.1} s", report.seconds));
        let waiting = host.request("GET", "/api/internal/deliveries?state=waiting", "");
        let waiting = exchange(server.address, &waiting)?;
        ensure!(waiting.body.contains("evt_"), "no delivery waits: {}", waiting.body);
    }
    server.stop()?;
    Ok(host)
}
