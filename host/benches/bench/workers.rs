//! The row `workers`: four workers handle waiting events, each with a write, compared with a
//! durable action. It reads the cursors in the file, so that only committed events count.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, OpenFlags};

use super::command_line::Bench;
use super::host::HostDirectory;
use super::http::figures;
use super::load::{CONNECTIONS, Load, Report, Until};
use super::process;
use super::rows::{Measured, Side, WORKERS, median_of};
use super::server::Server;
use super::writes::{RANDOMNESS, lucky_number};

const BACKSTAGE: &str = r#"{"name":"backstage","config":{}}"#;
/// As many workers as handle events.
const COMMUNITIES: u64 = 4;
const ALL_WITHIN: Duration = Duration::from_mins(5);
/// The time between two reads of the file.
const POLL: Duration = Duration::from_millis(2);
const OFF: &str = "[workers]\nenabled = false\n";
const ON: &str =
    "[workers]\nconcurrency = 4\n[plugins.backstage]\ngrants = { events = [\"driver:*\"] }\n";

/// One round of events.
#[derive(Debug)]
struct Handled {
    per_second: f64,
    cpu_us: f64,
}

pub fn measure(bench: &Bench) -> Result<Vec<Measured>> {
    let events = if bench.quick { 4_000 } else { 40_000 };
    let writing = HostDirectory::with("writes", &["plugins/randomness"])?;
    let write_server = writing.start()?;
    writing.populate(bench, &write_server, CONNECTIONS as u64, &[RANDOMNESS])?;
    let write = Load::new(bench, &write_server, lucky_number(&writing, "c{connection}"));
    let (mut handled, mut writes) = (Vec::new(), Vec::new());
    for round in 1..=bench.rounds {
        writes.push(write.run()?);
        handled.push(all_handled(bench, events)?);
        let last = handled.last();
        bench.progress(&format!("round {round}: write {}; workers {last:?}", figures(&writes)));
    }
    let pairs = handled.iter().zip(&writes);
    let ratios = pairs.map(|(handled, write)| handled.per_second / write.per_second()).collect();
    let workers = Side {
        name: "events",
        per_second: median_of(&handled, |one| one.per_second),
        cpu_us: Some(median_of(&handled, |one| one.cpu_us)),
    };
    Ok(vec![Measured::new(&WORKERS, ratios, vec![workers, Report::side("write", &writes)])])
}

/// Publishes events while workers are off; then switches them on, and waits until the last cursor
/// has passed.
fn all_handled(bench: &Bench, events: u64) -> Result<Handled> {
    let host = HostDirectory::with("workers", &["fixtures/backstage"])?;
    host.set("moothall.toml", OFF)?;
    let server = host.start()?;
    host.populate(bench, &server, COMMUNITIES, &[BACKSTAGE])?;
    let body = r#"{"community":"c{connection}","event_type":"counted","data":{"number":{value}}}"#;
    let publish = Load::new(bench, &server, host.request("POST", "/api/internal/events", body));
    let publish = publish.connections(COMMUNITIES as usize);
    Load { expected: vec![202], until: Until::Requests(events), ..publish }.run()?;
    drop(server);
    host.set("moothall.toml", ON)?;
    let server = host.start()?;
    let log = Log::open(&host)?;
    let (begun, cpu) = (Instant::now(), process::cpu(server.pid())?);
    let already = log.left()?;
    wait(&log, &server)?;
    let seconds = begun.elapsed().as_secs_f64();
    let cpu = process::cpu(server.pid())?.saturating_sub(cpu).as_secs_f64();
    log.ensure_counted(events)?;
    let done = already as f64;
    ensure!(done > 0.5 * events as f64, "the host was quicker than the measurement");
    Ok(Handled { per_second: done / seconds, cpu_us: cpu * 1e6 / done })
}

fn wait(log: &Log, _server: &Server) -> Result<()> {
    let begun = Instant::now();
    while log.left()? > 0 {
        ensure!(begun.elapsed() < ALL_WITHIN, "not every event was handled");
        thread::sleep(POLL);
    }
    Ok(())
}

/// What the file says.
struct Log(Connection);

impl Log {
    fn open(host: &HostDirectory) -> Result<Self> {
        let file = host.path().join("data/moothall.db");
        let opened = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_ONLY);
        opened.map(Self).with_context(|| format!("cannot open {}", file.display()))
    }

    fn number(&self, question: &str) -> Result<i64> {
        let mut statement = self.0.prepare_cached(question)?;
        statement.query_row([], |row| row.get(0)).context("cannot read the events")
    }

    /// Events that the workers' cursors have not passed.
    fn left(&self) -> Result<i64> {
        self.number(
            "SELECT count(*) FROM event e JOIN worker w ON w.community_id = e.community_id \
             AND w.name = 'counter' AND w.cursor < e.position",
        )
    }

    fn ensure_counted(&self, events: u64) -> Result<()> {
        let counted = self.number("SELECT sum(value) FROM state WHERE key = 'counted'")?;
        ensure!(counted == events as i64, "{counted} of {events} events were counted");
        Ok(())
    }
}
