//! The rows `http-…`: a whole call of `times-two`, compared with a plain axum route. Must never
//! give one side a setting that the other does not have.

use anyhow::Result;

use super::axum_server::AxumServer;
use super::command_line::Bench;
use super::host::{HostDirectory, TUTORIAL};
use super::load::{CONNECTIONS, Load, Report};
use super::rows::{Measured, PLAIN_CPU, PLAIN_RATE};

/// The first number that a template sends is 1,000,000,000.
pub const FIRST_DOUBLED: &str = r#"{"result":2000000000}"#;

pub fn measure(bench: &Bench) -> Result<Vec<Measured>> {
    let host = HostDirectory::with("http", &["plugins/tutorial"])?;
    let server = host.start()?;
    host.populate(bench, &server, CONNECTIONS as u64, &[TUTORIAL])?;
    host.expect(&server, &host.times_two("c000000"), FIRST_DOUBLED)?;
    let axum = AxumServer::start()?;
    let (plain_load, our_load) =
        (axum.load(bench), Load::new(bench, &server, host.times_two("c{connection}")));
    let (mut axums, mut ours) = (Vec::new(), Vec::new());
    for round in 1..=bench.rounds {
        axums.push(plain_load.run()?);
        ours.push(our_load.run()?);
        bench.progress(&format!(
            "round {round}: axum {}, times-two {}",
            figures(&axums),
            figures(&ours)
        ));
    }
    let pairs = || axums.iter().zip(&ours);
    let cpu = pairs().map(|(axum, ours)| axum.cpu_us() / ours.cpu_us()).collect();
    let rate = pairs().map(|(axum, ours)| ours.per_second() / axum.per_second()).collect();
    let sides = [Report::side("times-two", &ours), Report::side("axum", &axums)];
    Ok(vec![
        Measured::new(&PLAIN_CPU, cpu, sides.to_vec()),
        Measured::new(&PLAIN_RATE, rate, sides.to_vec()),
    ])
}

/// The last report, for the progress.
pub fn figures(reports: &[Report]) -> String {
    reports.last().map_or_else(String::new, |report| {
        let (rate, cpu) = (report.per_second(), report.cpu_us());
        format!(
            "{rate:.0}/s, {cpu:.1} us CPU, p50 {:.0} us, p99 {:.0} us",
            report.p50_us, report.p99_us
        )
    })
}
