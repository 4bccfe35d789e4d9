//! The machine: descriptors, memory and the clock.

use super::Finding;
use moothall_core::clock::{Clock, rfc3339};
use moothall_core::config::Config;
use moothall_core::machine::Machine;
use moothall_store::ExaminedDatabase;

/// With fewer descriptors than this, a host serves few clients.
const DESCRIPTORS: u64 = 4_096;
/// Guests' memory below which few calls run at once, in bytes.
const GUEST_MEMORY: u64 = 256 << 20;
/// 2026-01-01: no host of this version has run before.
const EARLIEST_MS: i64 = 1_767_225_600_000;
/// How much later than now an event may be, in milliseconds.
const AHEAD_MS: i64 = 60_000;

pub fn look(config: &Config, database: Option<&ExaminedDatabase>, all: &mut Vec<Finding>) {
    let machine = Machine::here();
    all.push(descriptors(config, machine.descriptors));
    all.push(memory(config, &machine));
    all.push(clock(Clock::system().now_ms(), database.and_then(|found| found.last_event_at)));
}

fn descriptors(config: &Config, limit: u64) -> Finding {
    let found = format!("at most {limit} open files");
    match limit < DESCRIPTORS {
        true => Finding::warning(
            "open files",
            format!(
                "{found}, for up to {} connections and what plugins open",
                config.http.connections
            ),
            "raise the limit, with `LimitNOFILE=65536` in the unit or with `ulimit -n 65536`",
        ),
        false => Finding::good("open files", found),
    }
}

fn memory(config: &Config, machine: &Machine) -> Finding {
    let guests = config.limits.guest_memory_bytes;
    let found = format!(
        "{} MiB, {} MiB of it for guests: at most {} calls at once",
        machine.memory_bytes >> 20,
        guests >> 20,
        config.limits.calls
    );
    if guests > machine.memory_bytes {
        return Finding::error(
            "memory",
            found,
            "guests may have more than there is: lower `limits.guest_memory_bytes`, or leave it out",
        );
    }
    match guests < GUEST_MEMORY {
        true => {
            Finding::warning("memory", found, "give the host more memory, if calls are refused")
        }
        false => Finding::good("memory", found),
    }
}

fn clock(now: i64, last_event: Option<i64>) -> Finding {
    let found = rfc3339(now);
    match last_event {
        _ if now < EARLIEST_MS => Finding::error(
            "clock",
            format!("{found} is in the past"),
            "set the clock, and have it kept by NTP: signatures and certificates fail by a wrong one",
        ),
        Some(at) if at > now + AHEAD_MS => Finding::warning(
            "clock",
            format!("{found}, but the last event in the database is of {}", rfc3339(at)),
            "one of the two is wrong; have the clock kept by NTP",
        ),
        _ => Finding::good("clock", found),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_clock_that_runs_behind_the_events_is_wrong() {
        let now = EARLIEST_MS + 1_000_000;
        assert_eq!(clock(now, Some(now - 5)).level, Level::Good);
        assert_eq!(clock(now, Some(now + AHEAD_MS + 1)).level, Level::Warning);
        assert_eq!(clock(0, None).level, Level::Error);
    }

    #[test]
    fn guests_may_not_have_more_than_there_is() {
        let mut config = Config::default();
        let machine = Machine { memory_bytes: 1 << 30, descriptors: 1 << 16, cores: 2 };
        config.limits.guest_memory_bytes = 2 << 30;
        assert_eq!(memory(&config, &machine).level, Level::Error);
        config.limits.guest_memory_bytes = 128 << 20;
        assert_eq!(memory(&config, &machine).level, Level::Warning);
        assert_eq!(descriptors(&config, 1_024).level, Level::Warning);
    }
}
