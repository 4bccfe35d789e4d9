//! Prints what a call answered, and what it emitted.

use anyhow::bail;

use super::What;
use crate::cli::answer::{answer, note};
use crate::cli::plugin::host_client::{HostAnswer, HostClient};

/// Prints the answer, and on standard error what the call emitted. What the call gave is shown whatever becomes of the
/// events.
pub fn show_with_events(
    what: &What,
    answered: &HostAnswer,
    host: &HostClient,
) -> anyhow::Result<()> {
    let shown = show(what, answered);
    show_events(host);
    shown
}

/// Prints a success; fails with the host's words otherwise.
pub fn show(what: &What, answered: &HostAnswer) -> anyhow::Result<()> {
    let is_response = matches!(what, What::Webhook { .. }) && !answered.is_of_host();
    if is_response {
        return show_response(answered);
    }
    if !answered.is_success() {
        bail!("the call failed: {}", answered.failure());
    }
    body(answered)
}

/// What a plugin responds to a webhook is its own: its status is no failure of the call unless it says so.
fn show_response(answered: &HostAnswer) -> anyhow::Result<()> {
    let location = answered.location.as_ref().map(|to| format!(", location: {to}"));
    note(&format!("status {}{}", answered.status, location.unwrap_or_default()));
    body(answered)?;
    if answered.status >= 400 {
        bail!("the plugin responded with the status {}", answered.status);
    }
    Ok(())
}

fn body(answered: &HostAnswer) -> anyhow::Result<()> {
    if answered.text.is_empty() {
        return Ok(());
    }
    answer(answered.text.trim_end())
}

/// Prints the events that a host has, on standard error: a program reads only the answer.
pub fn show_events(host: &HostClient) {
    let events = match host.get("/api/internal/events") {
        Ok(events) => events,
        Err(error) => return note(&format!("the events of the call cannot be listed: {error:#}")),
    };
    for event in events["events"].as_array().into_iter().flatten() {
        let text = |field: &str| event[field].as_str().unwrap_or_default();
        note(&format!("event {}:{} {}", text("source"), text("event_type"), event["data"]));
    }
    if !events["next"].is_null() {
        note("and more events, which are not shown");
    }
}
