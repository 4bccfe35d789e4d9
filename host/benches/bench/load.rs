//! The load as the table sees it: the requests, and the answers within the window. Must never be
//! made in this process, where it would be counted, and slowed, with everything else.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::command_line::Bench;
use super::helper_process::HelperProcess;
use super::rows::{Side, median_of};
use super::server::Server;
use super::template::Template;

/// How many connections have a request in flight, in most rows.
pub const CONNECTIONS: usize = 64;
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Load {
    pub server: SocketAddr,
    pub connections: usize,
    pub template: Template,
    /// The expected statuses.
    pub expected: Vec<u16>,
    pub until: Until,
    /// The process whose CPU time is read.
    pub process: u32,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Until {
    Time { warm_up: Duration, window: Duration },
    Requests(u64),
}

/// The answers within the window.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    pub requests: u64,
    pub seconds: f64,
    pub cpu_seconds: f64,
    pub p50_us: f64,
    pub p99_us: f64,
}

impl Report {
    /// Makes a report from the microseconds of each request, of which there is at least one.
    pub fn new(mut latencies: Vec<f32>, time: Duration, cpu: Duration) -> Self {
        latencies.sort_by(f32::total_cmp);
        let at = |share: f64| f64::from(latencies[(latencies.len() as f64 * share) as usize]);
        let (requests, p50_us, p99_us) = (latencies.len() as u64, at(0.5), at(0.99));
        Self {
            requests,
            seconds: time.as_secs_f64(),
            cpu_seconds: cpu.as_secs_f64(),
            p50_us,
            p99_us,
        }
    }

    pub fn per_second(&self) -> f64 {
        self.requests as f64 / self.seconds
    }

    pub fn cpu_us(&self) -> f64 {
        self.cpu_seconds * 1e6 / self.requests as f64
    }

    /// The medians of several reports.
    pub fn side(name: &'static str, reports: &[Self]) -> Side {
        let (per_second, cpu_us) =
            (median_of(reports, Self::per_second), median_of(reports, Self::cpu_us));
        Side { name, per_second, cpu_us: Some(cpu_us) }
    }
}

impl Load {
    pub fn new(bench: &Bench, server: &Server, template: Template) -> Self {
        let until = Until::Time { warm_up: bench.warm_up(), window: bench.window() };
        let (process, server) = (server.pid(), server.address);
        Self { server, connections: CONNECTIONS, template, expected: vec![200], until, process }
    }

    pub fn connections(self, connections: usize) -> Self {
        Self { connections, ..self }
    }

    pub fn run(&self) -> Result<Report> {
        self.start()?.report()
    }

    /// Runs until its report is read, or until the value is dropped.
    pub fn start(&self) -> Result<HelperProcess> {
        HelperProcess::start("load", self)
    }
}
