//! Prints what a call answered, and what it emitted.

use std::io::Write;

use anyhow::bail;

use crate::cli::answer::{answer, plain};
use crate::cli::plugin::host_client::{HostAnswer, HostClient};

/// Prints a success; fails with the host's words otherwise.
pub fn show(answered: &HostAnswer) -> anyhow::Result<()> {
    if !answered.is_success() {
        bail!("the call failed: {}", answered.failure());
    }
    if answered.text.is_empty() {
        return Ok(());
    }
    answer(answered.text.trim_end())
}

/// Prints the events that a host has, on standard error: a program reads only the answer.
pub fn show_events(host: &HostClient) -> anyhow::Result<()> {
    let events = host.get("/api/internal/events")?;
    for event in events["events"].as_array().into_iter().flatten() {
        let text = |field: &str| event[field].as_str().unwrap_or_default();
        let data = &event["data"];
        let line = format!("event {}:{} {data}", text("source"), text("event_type"));
        // If standard error is closed, nobody wants to know.
        drop(writeln!(std::io::stderr(), "{}", plain(&line)));
    }
    if !events["next"].is_null() {
        drop(writeln!(std::io::stderr(), "and more events, which are not shown"));
    }
    Ok(())
}
