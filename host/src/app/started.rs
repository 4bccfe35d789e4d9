//! Logs what a start used and found: version, addresses, limits, and what an operator should know.

use crate::app::listening::HostListeners;
use crate::http::Api;
use moothall_core::config::Config;
use moothall_core::machine::Machine;
use moothall_guest::engine;
use moothall_store::SCHEMA_VERSION;

const MIB: u64 = 1 << 20;

pub fn log(config: &Config, api: &Api, listening: &HostListeners) {
    let Config { limits, egress, delivery, .. } = config;
    let (machine, calls) = (Machine::here(), &api.calls);
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        address = %listening.api.place,
        data = %config.data.display(),
        plugins = %config.plugin_directory().display(),
        schema = SCHEMA_VERSION,
        files = calls.context.plugins.reports().len(),
        communities = calls.context.communities.len(),
        instances = calls.context.communities.instances(),
        cores = machine.cores,
        memory_mib = machine.memory_bytes / MIB,
        descriptors = machine.descriptors,
        guest_memory_mib = limits.guest_memory_bytes / MIB,
        memory_per_plugin_mib = limits.memory_per_plugin_bytes / MIB,
        resident_memory_mib = limits.resident_memory_bytes / MIB,
        calls = limits.calls,
        calls_per_plugin = limits.calls_per_plugin,
        warm_slots = limits.warm_slots,
        connections = listening.connections,
        outbound = egress.connections + egress.hook_connections + delivery.in_flight,
        idle_outbound = egress.idle_connections,
        sockets = limits.sockets,
        "started"
    );
}

/// What of this machine or of the settings an operator should know.
pub fn warn(config: &Config) {
    if !engine::has_fast_reset() {
        tracing::warn!(
            "this kernel has no PAGEMAP_SCAN (Linux 6.7): calls cost about three times as much"
        );
    }
    if let [_, ..] = config.service_links.as_slice() {
        tracing::warn!(
            "variables that Kubernetes makes for a service are no settings and are ignored: {}; `enableServiceLinks: false` of the pod leaves them out",
            config.service_links.join(", ")
        );
    }
    if config.grant_requested {
        tracing::warn!(
            "--grant-requested: every plugin may reach every host that its manifest names; never use this where plugins are not yours"
        );
    }
}
