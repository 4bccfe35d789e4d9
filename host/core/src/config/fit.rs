//! What follows from the machine where the operator says nothing: guests' memory and what is sized by it, values of
//! state in memory, connections and sockets.

use super::Config;
use crate::machine::Machine;

const MIB: u64 = 1 << 20;
/// The most memory for all guests unless the operator sets it, in bytes; at most half of the machine's.
const GUEST_MEMORY_BYTES: u64 = 4 << 30;
/// What a call takes at least, in bytes: a guest in Rust that does little.
const CALL_BYTES: u64 = 2 * MIB;
/// Guests' memory for each warm sandbox, in bytes: those keep up to 4 MiB each, a quarter of it together.
const WARM_BYTES: u64 = 16 * MIB;
/// The part of the machine's memory that values of state may have.
const STATE_CACHE_PART: u64 = 32;

impl Config {
    /// Adapts settings that are not set to the machine. Settings that are set stay, and others follow from
    /// them.
    pub(super) fn fit(&mut self, machine: &Machine, is_set: impl Fn(&str) -> bool) {
        self.fit_memory(machine, &is_set);
        self.fit_descriptors(machine, &is_set);
        if !is_set("store.state_cache_bytes") {
            let part = machine.memory_bytes / STATE_CACHE_PART;
            self.store.state_cache_bytes = within(part, 0, self.store.state_cache_bytes);
        }
    }

    fn fit_memory(&mut self, machine: &Machine, is_set: &impl Fn(&str) -> bool) {
        let limits = &mut self.limits;
        if !is_set("limits.guest_memory_bytes") {
            limits.guest_memory_bytes = GUEST_MEMORY_BYTES.min(machine.memory_bytes / 2);
        }
        let all = limits.guest_memory_bytes;
        if !is_set("limits.memory_per_plugin_bytes") {
            limits.memory_per_plugin_bytes = all - all / 4;
        }
        if !is_set("limits.resident_memory_bytes") {
            limits.resident_memory_bytes = all / 2;
        }
        if !is_set("limits.calls") {
            limits.calls = within(all / CALL_BYTES, 16, limits.calls);
        }
        if !is_set("limits.calls_per_plugin") {
            limits.calls_per_plugin = (limits.calls / 2).max(1);
        }
        if !is_set("limits.warm_slots") {
            limits.warm_slots = within(all / WARM_BYTES, 1, limits.warm_slots);
        }
    }

    fn fit_descriptors(&mut self, machine: &Machine, is_set: &impl Fn(&str) -> bool) {
        let part =
            |of: u64, least: usize, most: usize| within(machine.descriptors / of, least, most);
        let Self { limits, egress, delivery, .. } = self;
        for (key, setting, of, least) in [
            ("limits.sockets", &mut limits.sockets, 16, 16),
            ("egress.connections", &mut egress.connections, 8, 16),
            ("egress.hook_connections", &mut egress.hook_connections, 16, 8),
            ("egress.idle_connections", &mut egress.idle_connections, 32, 8),
            ("delivery.in_flight", &mut delivery.in_flight, 8, 16),
        ] {
            if !is_set(key) {
                *setting = part(of, least, *setting);
            }
        }
    }
}

/// At least `least`, and at most `most`, which is the default on a large machine.
fn within<T: TryFrom<u64> + Ord + Copy>(derived: u64, least: T, most: T) -> T {
    T::try_from(derived).unwrap_or(most).clamp(least.min(most), most)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn fitted(machine: Machine, set: &[&str], change: impl Fn(&mut Config)) -> Config {
        let mut config = Config::default();
        change(&mut config);
        config.fit(&machine, |key| set.contains(&key));
        config
    }

    fn machine(memory_bytes: u64, descriptors: u64) -> Machine {
        Machine { memory_bytes, descriptors, cores: 2 }
    }

    #[test]
    fn a_large_machine_has_the_defaults() {
        let config = fitted(machine(64 * GIB, 1 << 20), &[], |_| ());
        let (limits, usual) = (&config.limits, Config::default());
        assert_eq!(*limits, usual.limits);
        assert_eq!(config.egress.connections, usual.egress.connections);
        assert_eq!(config.store.state_cache_bytes, usual.store.state_cache_bytes);
        assert_eq!(config.delivery.in_flight, usual.delivery.in_flight);
    }

    #[test]
    fn a_small_machine_has_less_of_everything() {
        let fitted = fitted(machine(GIB / 2, 1024), &[], |_| ());
        let Config { limits, egress, delivery, store, .. } = fitted;
        assert_eq!(store.state_cache_bytes, 16 << 20);
        assert_eq!(limits.guest_memory_bytes, 256 * MIB);
        assert_eq!(limits.memory_per_plugin_bytes, 192 * MIB);
        assert_eq!(limits.resident_memory_bytes, 128 * MIB);
        assert_eq!((limits.calls, limits.calls_per_plugin, limits.warm_slots), (128, 64, 16));
        assert_eq!((egress.connections, egress.hook_connections), (128, 64));
        assert_eq!((egress.idle_connections, delivery.in_flight, limits.sockets), (32, 128, 64));
    }

    #[test]
    fn what_is_set_stays_and_the_rest_follows_it() {
        let set = ["limits.guest_memory_bytes", "limits.calls", "egress.connections"];
        let config = fitted(machine(GIB / 2, 1024), &set, |config| {
            config.limits.guest_memory_bytes = GIB;
            config.limits.calls = 1;
            config.egress.connections = 1000;
        });
        let limits = config.limits;
        assert_eq!((limits.guest_memory_bytes, limits.memory_per_plugin_bytes), (GIB, 768 * MIB));
        assert_eq!(
            (limits.calls, limits.calls_per_plugin, config.egress.connections),
            (1, 1, 1000)
        );
    }
}
