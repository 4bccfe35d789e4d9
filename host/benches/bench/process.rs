//! What the kernel counts for a process. A figure means something only over a window.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// The unit of CPU time in `/proc`, on every architecture (USER_HZ).
const TICKS_PER_SECOND: u64 = 100;

/// CPU time of all threads of a process so far, user and system.
pub fn cpu(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    // The second field is the name in parentheses, which may contain anything.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let field = |number: usize| {
        after_name.split_whitespace().nth(number).and_then(|text| text.parse::<u64>().ok())
    };
    let (user, system) = (field(11), field(12));
    let ticks = user.zip(system).map(|(user, system)| user + system);
    let ticks = ticks.with_context(|| format!("{path} has no CPU time"))?;
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

/// Memory of a process, in KiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Anonymous memory: the heap, without mapped files.
    pub anonymous: u64,
    /// All resident memory, including pages of mapped files.
    pub resident: u64,
}

pub fn memory(pid: u32) -> Result<Memory> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let kib = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok())
            .with_context(|| format!("{path} has no {key}"))
    };
    Ok(Memory { anonymous: kib("RssAnon:")?, resident: kib("VmRSS:")? })
}
