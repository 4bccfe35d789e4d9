//! A tick of the producer or of a named schedule: the host's clock is moved to the time when it is due.

use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use serde_json::Value;

use crate::cli::answer::answer;
use crate::cli::plugin::progress::Progress;
use crate::cli::plugin::temporary_host::TemporaryHost;
use moothall_core::clock::Clock;

/// How often the host is asked whether it has ticked.
const POLL: Duration = Duration::from_millis(20);
/// Longer than a tick may take by default.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the time of a tick may be off, in milliseconds.
const BEYOND: i64 = 1_000;

pub fn tick(host: &TemporaryHost, schedule: Option<&str>) -> anyhow::Result<()> {
    let wanted = |one: &&Value| match schedule {
        Some(name) => one["kind"] == "schedule" && one["name"] == name,
        None => one["kind"] == "producer",
    };
    let due = one_of(&schedules(host)?, wanted, schedule)?;
    let due_at = due["due_at"].as_str().unwrap_or_default();
    let due_ms = moothall_core::clock::parse_rfc3339(due_at)
        .with_context(|| format!("the host says that it is due at `{due_at}`"))?;
    host.advance(due_ms - Clock::system().now_ms() + BEYOND)?;
    let _progress = Progress::of("waiting for the tick");
    let begun = Instant::now();
    loop {
        let now = one_of(&schedules(host)?, wanted, schedule)?;
        if let Some(error) = now["last_error"].as_str() {
            return Err(anyhow!("the tick failed: {error}"));
        }
        if let Some(at) = now["last_at"].as_str() {
            return answer(&format!("ticked at {at}"));
        }
        if begun.elapsed() > PATIENCE {
            bail!("the host has not ticked in {} seconds", PATIENCE.as_secs());
        }
        std::thread::sleep(POLL);
    }
}

fn schedules(host: &TemporaryHost) -> anyhow::Result<Vec<Value>> {
    let listed = host.client.get("/api/internal/schedules")?;
    let schedules = listed["schedules"].as_array().cloned();
    schedules.context("the host lists no schedules")
}

fn one_of(
    schedules: &[Value],
    wanted: impl Fn(&&Value) -> bool,
    schedule: Option<&str>,
) -> anyhow::Result<Value> {
    let found = schedules.iter().find(wanted).cloned();
    found.with_context(|| match schedule {
        Some(name) => {
            let names: Vec<_> = schedules.iter().filter_map(|one| one["name"].as_str()).collect();
            format!("the plugin has no schedule `{name}`; it has: {}", names.join(", "))
        }
        None => "the plugin has no producer; name one of its schedules".to_owned(),
    })
}
