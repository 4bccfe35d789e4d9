//! Raises the limit of open files, and keeps some of them for other uses than connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use moothall_core::config::Config;

/// Connections get at least a quarter of the descriptors, whatever is reserved.
const LEAST_PART: u64 = 4;

/// Raises the limit as far as the system allows; returns the new limit.
pub fn raise() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        let raised = Rlimit { current: maximum, maximum };
        // This fails on a system whose kernel allows less than the hard limit.
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, "the process may open no more files than it was started with");
        }
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// The number of connections that fit under the limit, besides the reserved descriptors and outbound
/// connections.
pub fn connections(config: &Config, limit: u64) -> usize {
    let reserved = config.http.reserved_descriptors.saturating_add(outbound(config));
    let room = limit.saturating_sub(u64::try_from(reserved).unwrap_or(u64::MAX));
    let room = usize::try_from(room.max(limit / LEAST_PART)).unwrap_or(usize::MAX);
    let wanted = config.http.connections;
    if room < wanted {
        tracing::warn!(
            "{room} connections are served at once instead of {wanted}: the process may open {limit} files, and {reserved} are kept for outbound connections and for [http] reserved_descriptors; raise the limit, as with LimitNOFILE= or `ulimit -n`"
        );
    }
    wanted.min(room)
}

/// The most outbound connections and sockets of plugins, hooks and deliveries.
fn outbound(config: &Config) -> usize {
    let egress = config.egress.connections + config.egress.hook_connections;
    // Plugins, hooks and deliveries each keep idle connections.
    let idle = 3 * config.egress.idle_connections;
    egress + idle + config.delivery.in_flight + config.limits.sockets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_what_is_reserved_and_what_goes_out() {
        let config = Config::default();
        let kept = (config.http.reserved_descriptors + outbound(&config)) as u64;
        assert_eq!(connections(&config, u64::MAX), 10_000);
        assert_eq!(connections(&config, kept + 10_001), 10_000);
        assert_eq!(connections(&config, kept + 3_000), 3_000);
        assert_eq!(connections(&config, 256), 64, "a quarter of what there is");
    }
}
