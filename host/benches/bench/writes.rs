//! The rows `write-…`: durable actions that write state, compared with calls that write nothing,
//! and with SQLite on the same disk without a host. Two writes in a row to one key must differ, see `template`.

use anyhow::{Result, ensure};

use super::command_line::Bench;
use super::exchange::exchange;
use super::host::{HostDirectory, TUTORIAL};
use super::http::{FIRST_DOUBLED, figures};
use super::load::{CONNECTIONS, Load, Report};
use super::rows::{Measured, WRITE_CALLS, WRITE_LOOP, WRITE_ONE};
use super::sqlite_loop::sqlite_loop;
use super::template::Template;

pub const RANDOMNESS: &str = r#"{"name":"randomness","config":{"default_low":1,"default_high":7}}"#;
/// The most writes per second of a disk that syncs.
const SYNCED_PER_SECOND: f64 = 20_000.0;

pub fn measure(bench: &Bench) -> Result<Vec<Measured>> {
    let host = HostDirectory::with("writes", &["plugins/tutorial", "plugins/randomness"])?;
    let server = host.start()?;
    host.populate(bench, &server, CONNECTIONS as u64, &[TUTORIAL, RANDOMNESS])?;
    host.expect(&server, &host.times_two("c000000"), FIRST_DOUBLED)?;
    let write = |community| lucky_number(&host, community);
    let load = |template| Load::new(bench, &server, template);
    let (calls, spread, one) = (
        load(host.times_two("c{connection}")),
        load(write("c{connection}")),
        load(write("c000000")),
    );
    let mut rounds = Rounds::default();
    for round in 1..=bench.rounds {
        rounds.loops.push(sqlite_loop(host.path(), bench.window())?);
        rounds.calls.push(calls.run()?);
        rounds.spread.push(spread.run()?);
        rounds.one.push(one.run()?);
        bench.progress(&format!("round {round}: {}", rounds.last()));
    }
    let read = host.action("randomness.get-lucky-number", "c000000", "{}");
    let answer = exchange(server.address, &read)?;
    ensure!(answer.body.contains(r#"{"lucky_number":1"#), "nothing was written: {}", answer.body);
    Ok(rounds.measured())
}

/// A durable write.
pub fn lucky_number(host: &HostDirectory, community: &str) -> Template {
    host.action("randomness.set-lucky-number", community, r#"{"lucky_number":{value}}"#)
}

/// The reports of each round.
#[derive(Debug, Default)]
struct Rounds {
    loops: Vec<Report>,
    calls: Vec<Report>,
    spread: Vec<Report>,
    one: Vec<Report>,
}

impl Rounds {
    fn measured(&self) -> Vec<Measured> {
        let fastest = self.loops.iter().map(Report::per_second).fold(0.0, f64::max);
        let no_sync = (fastest > SYNCED_PER_SECOND)
            .then(|| format!("the disk does not really sync: the loop makes {fastest:.0}/s"));
        let row = |row, ours: (_, &[Report]), theirs: (_, &[Report])| {
            let sides = vec![Report::side(ours.0, ours.1), Report::side(theirs.0, theirs.1)];
            let pairs = ours.1.iter().zip(theirs.1);
            Measured::new(
                row,
                pairs.map(|(ours, theirs)| ours.per_second() / theirs.per_second()).collect(),
                sides,
            )
        };
        let sqlite = ("SQLite loop", self.loops.as_slice());
        let on_64 = ("on 64 instances", self.spread.as_slice());
        vec![
            row(&WRITE_CALLS, on_64, ("times-two", &self.calls)),
            row(&WRITE_LOOP, on_64, sqlite).not_judged(no_sync.clone()),
            row(&WRITE_ONE, ("on one instance", &self.one), sqlite).not_judged(no_sync),
        ]
    }

    fn last(&self) -> String {
        let (loops, calls) = (figures(&self.loops), figures(&self.calls));
        let (spread, one) = (figures(&self.spread), figures(&self.one));
        format!("loop {loops}; times-two {calls}; on 64 {spread}; on one {one}")
    }
}
