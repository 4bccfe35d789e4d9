//! The imports, one file for each WIT interface. All of them are linked in one place, here.
//!
//! A refusal is an `error` of the contract and never a trap.

mod accounts;
mod context;
mod events;
mod http;
mod log;
mod metrics;
mod process;
mod secrets;
mod settings;
mod sockets;
mod state;
mod taped;
mod types;
mod wasi_http;
mod web;

use wasmtime::component::Linker;

use super::bindings::imports::Imports;
use super::bindings::{Error, ErrorKind};
use super::call_state::CallState;
use super::refusal::error;
use moothall_core::clock::rfc3339;
use moothall_core::day_budget::UsedUp;

/// Interfaces of WASI 0.2 that guests may import, by package.
const WASI: &[(&str, &[&str])] = &[
    (
        "wasi:cli",
        &[
            "environment",
            "exit",
            "stderr",
            "stdin",
            "stdout",
            "terminal-input",
            "terminal-output",
            "terminal-stderr",
            "terminal-stdin",
            "terminal-stdout",
        ],
    ),
    ("wasi:clocks", &["monotonic-clock", "wall-clock"]),
    ("wasi:filesystem", &["preopens", "types"]),
    ("wasi:http", &["outgoing-handler", "types"]),
    ("wasi:io", &["error", "poll", "streams"]),
    ("wasi:random", &["insecure", "insecure-seed", "random"]),
    (
        "wasi:sockets",
        &[
            "instance-network",
            "ip-name-lookup",
            "network",
            "tcp",
            "tcp-create-socket",
            "udp",
            "udp-create-socket",
        ],
    ),
];
const OURS: (&str, &[&str]) = (
    "moothall:plugin",
    &[
        "accounts", "context", "events", "http", "log", "metrics", "process", "secrets",
        "settings", "state", "types", "web",
    ],
);

pub fn add_to_linker(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    sockets::add_to_linker(linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    Imports::add_to_linker::<_, taped::OfCall>(linker, taped::of_call)
}

/// What is wrong with importing `name` (`package/interface@version`), or none if the host has it.
pub fn missing(name: &str) -> Option<String> {
    let (path, version) = name.split_once('@').unwrap_or((name, ""));
    let (package, interface) = path.split_once('/').unwrap_or((path, ""));
    let (has, ours) = match package {
        package if package == OURS.0 => (Some(OURS.1), "0.1.0"),
        package => (WASI.iter().find(|(name, _)| *name == package).map(|(_, has)| *has), "0.2"),
    };
    let track = ours.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
    match has {
        None => Some(format!("it imports `{name}`, and this host has nothing of `{package}`")),
        Some(has) if !has.contains(&interface) => {
            Some(format!("it imports `{name}`; of `{package}` this host has {}", has.join(", ")))
        }
        Some(_) if !version.starts_with(&format!("{track}.")) || version.contains('-') => {
            Some(format!("it imports `{name}`; this host has version {ours} of it"))
        }
        Some(_) => None,
    }
}

impl CallState {
    /// Whether the plugin may store this many bytes more today, besides what this call stores already.
    fn require_day_room(&self, bytes: u64) -> Result<(), Error> {
        let (now, limit) = (self.shared.clock.now_ms(), self.plugin_context.limits.day_bytes());
        let before = self.call_context.batch.as_ref().map_or(0, |batch| batch.stored_bytes);
        let wanted = self.effects.stored_bytes().saturating_add(before).saturating_add(bytes);
        let Err(UsedUp { until }) = self.plugin_context.has_day_room(now, wanted) else {
            return Ok(());
        };
        let (spent, until) = (self.plugin_context.spent.today(now), rfc3339(until));
        let message = format!(
            "plugin '{}' has had {spent} bytes of events, processes, accounts and webhooks stored today and may have \
             {limit} (stored_bytes_per_day); from {until} on there is room again",
            self.plugin_context.plugin
        );
        let details = serde_json::json!({
            "limit": "stored_bytes_per_day", "bytes_per_day": limit, "bytes": spent, "retry_at": until,
        });
        let refused = error(ErrorKind::Unavailable, message);
        Err(Error { details: Some(details.to_string()), ..refused })
    }
}

#[cfg(test)]
mod tests;
