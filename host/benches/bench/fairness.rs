//! The row `fairness`: how fast a good plugin is while another spins. Must never measure it alone
//! while calls of the spinning plugin are still in flight: they outlive their clients.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::command_line::Bench;
use super::host::{HostDirectory, TUTORIAL};
use super::http::{FIRST_DOUBLED, figures};
use super::load::{CONNECTIONS, Load, Report, Until};
use super::rows::{FAIRNESS, Measured, median_of};

const MISBEHAVING: &str = r#"{"name":"misbehaving","config":{}}"#;
/// The wait until all spinning calls are in flight.
const SPIN_UP: Duration = Duration::from_millis(500);
/// The longest spinning call: it ends after a second of CPU or after ten seconds.
const SPUN_OUT: Duration = Duration::from_secs(30);
/// The statuses of a spinning call: timed out (504), or not admitted (503).
const CUT: [u16; 2] = [504, 503];

pub fn measure(bench: &Bench) -> Result<Vec<Measured>> {
    let host = HostDirectory::with("fairness", &["plugins/tutorial", "fixtures/misbehaving"])?;
    let server = host.start()?;
    host.populate(bench, &server, CONNECTIONS as u64, &[TUTORIAL, MISBEHAVING])?;
    host.expect(&server, &host.times_two("c000000"), FIRST_DOUBLED)?;
    let good = Load::new(bench, &server, host.times_two("c{connection}"));
    let spin = Load {
        expected: CUT.to_vec(),
        until: Until::Time { warm_up: Duration::ZERO, window: bench.window() * 4 + SPUN_OUT },
        ..Load::new(bench, &server, host.action("misbehaving.infinite-loop", "c{connection}", "{}"))
    };
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for round in 1..=bench.rounds {
        server.await_idle(SPUN_OUT)?;
        alone.push(good.run()?);
        let mut spinning = spin.start()?;
        thread::sleep(SPIN_UP);
        beside.push(good.run()?);
        spinning.is_running()?;
        drop(spinning);
        bench.progress(&format!(
            "round {round}: alone {}; beside a spinning plugin {}",
            figures(&alone),
            figures(&beside)
        ));
    }
    let ratios = beside
        .iter()
        .zip(&alone)
        .map(|(beside, alone)| beside.per_second() / alone.per_second())
        .collect();
    let latency = |reports| median_of(reports, |report: &Report| report.p99_us / 1e3);
    let note = format!(
        "p99 {:.1} ms beside it, {:.1} ms alone; the CPU beside it is both plugins'",
        latency(&beside),
        latency(&alone)
    );
    let sides = vec![Report::side("beside", &beside), Report::side("alone", &alone)];
    Ok(vec![Measured::new(&FAIRNESS, ratios, sides).note(note)])
}
