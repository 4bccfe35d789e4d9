//! The process that makes the load: it keeps every connection busy with one request after the
//! other. Must never take an unexpected answer for a fast one.
//!
//! It is one thread without a runtime, because the server lacks what the load uses of the cores.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mio::{Events, Poll, Token};

use super::connection::{Connection, Progress};
use super::load::{Load, Report, Until};
use super::{helper_process, process};

/// An answer that takes longer is a failure; the longest call allowed takes 10 s.
const STALLED: Duration = Duration::from_secs(30);
/// The longest time for a number of requests; missing answers fail the benchmark.
const ALL_WITHIN: Duration = Duration::from_mins(30);
/// The most answers that one poll of the connections reads.
const EVENTS: usize = 256;

/// Reads its task from standard input, and reports on standard output.
pub fn answer() -> Result<()> {
    let load: Load = helper_process::task()?;
    helper_process::report(&Running::start(&load)?.finish()?)
}

struct Running<'a> {
    load: &'a Load,
    poll: Poll,
    connections: Vec<Connection>,
    sent: u64,
    in_flight: usize,
    is_draining: bool,
    random: u64,
    latencies: Vec<f32>,
}

impl<'a> Running<'a> {
    fn start(load: &'a Load) -> Result<Self> {
        let poll = Poll::new().context("cannot watch connections")?;
        let connect = |number| {
            Connection::open(
                load.server,
                load.template.request(load.server, number),
                &poll,
                Token(number),
            )
        };
        let connections = (0..load.connections).map(connect).collect::<Result<_>>()?;
        let mut running = Self {
            load,
            poll,
            connections,
            sent: 0,
            in_flight: 0,
            is_draining: false,
            random: 0x9E37_79B9_7F4A_7C15,
            latencies: Vec::new(),
        };
        for number in 0..load.connections {
            running.send(number)?;
        }
        Ok(running)
    }

    fn finish(mut self) -> Result<Report> {
        if let Until::Time { warm_up, .. } = self.load.until {
            self.answer_until(Instant::now() + warm_up)?;
        }
        self.latencies = Vec::with_capacity(1 << 20);
        let (begun, cpu) = (Instant::now(), process::cpu(self.load.process)?);
        match self.load.until {
            Until::Time { window, .. } => self.answer_until(begun + window)?,
            Until::Requests(_) => self.answer_until(begun + ALL_WITHIN)?,
        }
        let cpu = process::cpu(self.load.process)?.saturating_sub(cpu);
        let (time, latencies) = (begun.elapsed(), std::mem::take(&mut self.latencies));
        let wanted = if let Until::Requests(all) = self.load.until { all } else { 1 };
        ensure!(
            latencies.len() as u64 >= wanted,
            "only {} requests were answered",
            latencies.len()
        );
        self.drain()?;
        Ok(Report::new(latencies, time, cpu))
    }

    /// Waits for the remaining answers: a call does not end with its client, and would slow the
    /// next measurement.
    fn drain(&mut self) -> Result<()> {
        self.is_draining = true;
        self.answer_until(Instant::now() + STALLED)?;
        ensure!(self.in_flight == 0, "{} requests were not answered", self.in_flight);
        Ok(())
    }

    /// Runs until `end`, or until every request is answered.
    fn answer_until(&mut self, end: Instant) -> Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        let mut heard = Instant::now();
        while self.in_flight > 0 && Instant::now() < end {
            let wait = end.saturating_duration_since(Instant::now()).min(STALLED);
            match self.poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                polled => polled.context("cannot watch connections")?,
            }
            for event in &events {
                self.receive(event.token().0)?;
                heard = Instant::now();
            }
            ensure!(heard.elapsed() < STALLED, "no answer came for {} s", STALLED.as_secs());
        }
        Ok(())
    }

    fn receive(&mut self, number: usize) -> Result<()> {
        let connection = &mut self.connections[number];
        let Progress::Answered(status) = connection.receive()? else { return Ok(()) };
        if !self.load.expected.contains(&status) {
            bail!("a request was answered with {status}: {}", connection.answer());
        }
        self.latencies.push(connection.latency().as_secs_f32() * 1e6);
        self.in_flight -= 1;
        self.send(number)
    }

    fn send(&mut self, number: usize) -> Result<()> {
        if self.is_draining || matches!(self.load.until, Until::Requests(all) if self.sent == all) {
            return Ok(());
        }
        // Xorshift: any generator works that is evenly spread and costs nothing.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.connections[number].send(self.sent, self.random % self.load.template.spread.max(1))?;
        self.sent += 1;
        self.in_flight += 1;
        Ok(())
    }
}
