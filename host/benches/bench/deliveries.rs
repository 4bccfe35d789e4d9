//! The rows `deliveries-…`: delivering events to a real receiver, compared with plain POSTs to it;
//! and how much a hanging driver slows actions. Must never begin a round while deliveries of the
//! last one are in flight.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use moothall_core::config::DeliveryConfig;
use serde_json::Value;

use super::command_line::Bench;
use super::exchange::exchange;
use super::helper_process::HelperProcess;
use super::host::HostDirectory;
use super::http::figures;
use super::load::{CONNECTIONS, Load, Report};
use super::posts::Posts;
use super::process;
use super::receiver::Receiver;
use super::rows::{DELIVERIES_HANGING, DELIVERIES_RATE, Measured};
use super::server::Server;
use super::writes::{RANDOMNESS, lucky_number};

/// The longest wait for deliveries.
const ALL_WITHIN: Duration = Duration::from_mins(5);
/// The longest wait for the work that deliveries leave.
const SETTLE: Duration = Duration::from_secs(10);
/// The wait until the hanging driver has all requests that it gets.
const HANG: Duration = Duration::from_secs(1);

pub fn measure_rate(bench: &Bench) -> Result<Vec<Measured>> {
    let events = if bench.quick { 1_000 } else { 20_000 };
    let receiver = Receiver::start()?;
    let (host, server) = with_driver(bench, &receiver.healthy())?;
    let in_flight = DeliveryConfig::default().endpoint_in_flight as u64;
    let posts = Posts { url: receiver.healthy(), posts: events, in_flight };
    let (mut posts_sent, mut ours) = (Vec::new(), Vec::new());
    for round in 1..=bench.rounds {
        posts_sent.push(HelperProcess::start("posts", &posts)?.report::<Report>()?);
        ours.push(delivered(bench, &host, &server, &receiver, events)?);
        server.await_idle(SETTLE)?;
        bench.progress(&format!(
            "round {round}: posts {}; deliveries {}",
            figures(&posts_sent),
            figures(&ours)
        ));
    }
    let note = format!("{in_flight} in flight at once on either side");
    Ok(vec![
        Measured::new(
            &DELIVERIES_RATE,
            ratios(&ours, &posts_sent),
            sides(&ours, "posts", &posts_sent),
        )
        .note(note),
    ])
}

/// Measures from the first publishing request to the last delivery. Latencies are those of
/// publishing.
fn delivered(
    bench: &Bench,
    host: &HostDirectory,
    server: &Server,
    receiver: &Receiver,
    events: u64,
) -> Result<Report> {
    let before = receiver.count()?;
    let (begun, cpu) = (Instant::now(), process::cpu(server.pid())?);
    let published = host.publish(bench, server, events)?;
    receiver.wait_for_count(before + events, ALL_WITHIN)?;
    let (seconds, cpu) = (begun.elapsed().as_secs_f64(), process::cpu(server.pid())? - cpu);
    Ok(Report { seconds, cpu_seconds: cpu.as_secs_f64(), ..published })
}

pub fn measure_hanging(bench: &Bench) -> Result<Vec<Measured>> {
    let events = if bench.quick { 500 } else { 10_000 };
    let receiver = Receiver::start()?;
    let (healthy, healthy_server) = with_driver(bench, &receiver.healthy())?;
    healthy.publish(bench, &healthy_server, events)?;
    receiver.wait_for_count(events, ALL_WITHIN)?;
    let (hanging, hanging_server) = with_driver(bench, &receiver.hanging())?;
    hanging.publish(bench, &hanging_server, events)?;
    thread::sleep(HANG);
    let on_healthy = Load::new(bench, &healthy_server, lucky_number(&healthy, "c{connection}"));
    let on_hanging = Load::new(bench, &hanging_server, lucky_number(&hanging, "c{connection}"));
    let (mut healthies, mut hangings) = (Vec::new(), Vec::new());
    for round in 1..=bench.rounds {
        healthies.push(on_healthy.run()?);
        hangings.push(on_hanging.run()?);
        bench.progress(&format!(
            "round {round}: healthy {}; hanging {}",
            figures(&healthies),
            figures(&hangings)
        ));
    }
    nothing_delivered(&hanging, &hanging_server)?;
    let ratios = ratios(&hangings, &healthies);
    Ok(vec![Measured::new(
        &DELIVERIES_HANGING,
        ratios,
        vec![Report::side("hanging", &hangings), Report::side("healthy", &healthies)],
    )])
}

/// A host with a driver at this URL, and 64 communities.
fn with_driver(bench: &Bench, url: &str) -> Result<(HostDirectory, Server)> {
    let host = HostDirectory::with("deliveries", &["plugins/randomness"])?;
    host.set("moothall.toml", &format!("[driver]\nevent_receiver_url = \"{url}\"\n"))?;
    let server = host.start()?;
    host.populate(bench, &server, CONNECTIONS as u64, &[RANDOMNESS])?;
    server.await_idle(SETTLE)?;
    Ok((host, server))
}

/// Checks that deliveries were waiting during the measurement.
fn nothing_delivered(host: &HostDirectory, server: &Server) -> Result<()> {
    let question = host.request("GET", "/api/internal/deliveries?state=delivered", "");
    let answer = exchange(server.address, &question)?;
    let page: Value =
        serde_json::from_str(&answer.body).context("the list of deliveries is no JSON")?;
    let delivered = page["deliveries"].as_array().context("there is no list of deliveries")?;
    ensure!(delivered.is_empty(), "a driver that hangs has received {} events", delivered.len());
    Ok(())
}

fn ratios(ours: &[Report], theirs: &[Report]) -> Vec<f64> {
    ours.iter().zip(theirs).map(|(ours, theirs)| ours.per_second() / theirs.per_second()).collect()
}

fn sides(ours: &[Report], name: &'static str, theirs: &[Report]) -> Vec<super::rows::Side> {
    vec![Report::side("deliveries", ours), Report::side(name, theirs)]
}
