//! The line that a start leaves in the log: what this is, what it works on, and what it may use.

use crate::app::listening::Listening;
use crate::http::Api;
use moothall_core::config::Config;
use moothall_core::machine::Machine;
use moothall_store::SCHEMA_VERSION;

const MIB: u64 = 1 << 20;

pub fn tell(config: &Config, api: &Api, listening: &Listening) {
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
