//! The rows `instances-…`: what many enabled instances cost in latency and memory. Must never
//! compare a host that has just been filled with one that was just started: both are restarted.

use std::time::Duration;

use anyhow::Result;

use super::command_line::Bench;
use super::host::{HostDirectory, TUTORIAL};
use super::http::{FIRST_DOUBLED, figures};
use super::load::{Load, Report};
use super::process::{Memory, memory};
use super::rows::{INSTANCES_LATENCY, INSTANCES_MEMORY, Measured, median_of};

/// A few connections, so that latency is the host's work and not waiting.
const CONNECTIONS: usize = 4;
/// The longest wait for the work that a start leaves (a checkpoint, returning freed memory).
const SETTLE: Duration = Duration::from_secs(10);

pub fn measure(bench: &Bench) -> Result<Vec<Measured>> {
    let instances = if bench.quick { 2_000 } else { 100_000 };
    let (many, one) = (filled(bench, instances)?, filled(bench, 1)?);
    let memory = if bench.wants(INSTANCES_MEMORY.name) {
        Some(of_memory(bench, &many, instances)?)
    } else {
        None
    };
    let latency = if bench.wants(INSTANCES_LATENCY.name) {
        Some(of_latency(bench, &many, &one, instances)?)
    } else {
        None
    };
    Ok(latency.into_iter().chain(memory).collect())
}

fn filled(bench: &Bench, instances: u64) -> Result<HostDirectory> {
    let host = HostDirectory::with("instances", &["plugins/tutorial"])?;
    let server = host.start()?;
    let report = host.populate(bench, &server, instances, &[TUTORIAL])?;
    bench.progress(&format!("{instances} communities made in {:.1} s", report.seconds));
    server.stop()?;
    Ok(host)
}

fn of_latency(
    bench: &Bench,
    many: &HostDirectory,
    one: &HostDirectory,
    instances: u64,
) -> Result<Measured> {
    let (many_server, one_server) = (many.start()?, one.start()?);
    many.expect(&many_server, &many.times_two("c000001"), FIRST_DOUBLED)?;
    one.expect(&one_server, &one.times_two("c000000"), FIRST_DOUBLED)?;
    let on_many = Load::new(bench, &many_server, many.times_two("c{any}").spread(instances))
        .connections(CONNECTIONS);
    let on_one =
        Load::new(bench, &one_server, one.times_two("c{any}").spread(1)).connections(CONNECTIONS);
    let (mut manies, mut ones) = (Vec::new(), Vec::new());
    for round in 1..=bench.rounds {
        manies.push(on_many.run()?);
        ones.push(on_one.run()?);
        bench.progress(&format!(
            "round {round}: many {}; one {}",
            figures(&manies),
            figures(&ones)
        ));
    }
    let ratios = manies.iter().zip(&ones).map(|(many, one)| many.p50_us / one.p50_us).collect();
    let p50 = |reports| median_of(reports, |report: &Report| report.p50_us);
    let note = format!(
        "p50 {:.1} us and {:.1} us, with {CONNECTIONS} connections",
        p50(&manies),
        p50(&ones)
    );
    let sides = vec![Report::side("many", &manies), Report::side("one", &ones)];
    Ok(Measured::new(&INSTANCES_LATENCY, ratios, sides).note(note))
}

/// Anonymous memory only, because the kernel can take back pages of the database file.
fn of_memory(bench: &Bench, many: &HostDirectory, instances: u64) -> Result<Measured> {
    let empty = HostDirectory::with("empty", &["plugins/tutorial"])?;
    // Compiles the plugin, which leaves more memory behind than loading it.
    empty.start()?.stop()?;
    let (mut ratios, mut last) = (Vec::new(), None);
    for round in 1..=bench.rounds {
        let (full, base) = (at_rest(many)?, at_rest(&empty)?);
        ratios.push((full.anonymous as f64 - base.anonymous as f64) / instances as f64);
        bench.progress(&format!("round {round}: {full:?}, without instances {base:?}"));
        last = Some((full, base));
    }
    let note = last.map(|(full, base)| {
        let mib = |kib: u64| kib / 1024;
        format!(
            "anonymous {} MiB, without instances {} MiB; VmRSS {} MiB and {} MiB",
            mib(full.anonymous),
            mib(base.anonymous),
            mib(full.resident),
            mib(base.resident)
        )
    });
    Ok(Measured { note, ..Measured::new(&INSTANCES_MEMORY, ratios, Vec::new()) })
}

fn at_rest(host: &HostDirectory) -> Result<Memory> {
    let server = host.start()?;
    server.await_idle(SETTLE)?;
    memory(server.pid())
}
