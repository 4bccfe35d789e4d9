//! What all schemas of one manifest may use together: each may be within its bounds, and a thousand of them too
//! much.

use std::time::Duration;

use super::{SchemaError, SchemaLimits};

/// The most values of all defaults together, with the defaults inside them.
const DEFAULT_VALUES: usize = 100_000;
/// The most places of all schemas together, each counted as often as a schema applies there.
const PLACES: usize = 2_000_000;

/// What is left. It belongs to one thread, because it counts that thread's CPU time.
#[derive(Debug)]
pub struct Room {
    patterns: usize,
    pattern_bytes: usize,
    default_values: usize,
    places: usize,
    /// CPU time of this thread at which it ends.
    until: Duration,
    limits: (usize, usize, u64),
}

impl Room {
    pub fn new(limits: &SchemaLimits) -> Room {
        Room {
            patterns: limits.manifest_patterns,
            pattern_bytes: limits.manifest_pattern_bytes,
            default_values: DEFAULT_VALUES,
            places: PLACES,
            until: thread_cpu_time() + Duration::from_millis(limits.manifest_cpu_ms),
            limits: (
                limits.manifest_patterns,
                limits.manifest_pattern_bytes,
                limits.manifest_cpu_ms,
            ),
        }
    }

    /// Also checks the time, because it is called wherever work begins.
    pub fn in_time(&self, path: &str) -> Result<(), SchemaError> {
        if thread_cpu_time() <= self.until {
            return Ok(());
        }
        let message = format!(
            "the schemas of the manifest take more than {} ms of CPU time to compile together (manifest_cpu_ms); use fewer patterns and fewer schemas",
            self.limits.2
        );
        Err(SchemaError::at(path, message))
    }

    pub fn take_pattern(&mut self, path: &str) -> Result<(), SchemaError> {
        self.in_time(path)?;
        take(&mut self.patterns, 1).ok_or_else(|| {
            let message = format!(
                "the schemas of the manifest have more than {} different patterns together (manifest_patterns); use fewer",
                self.limits.0
            );
            SchemaError::at(path, message)
        })
    }

    pub fn take_pattern_bytes(&mut self, path: &str, bytes: usize) -> Result<(), SchemaError> {
        take(&mut self.pattern_bytes, bytes).ok_or_else(|| {
            let message = format!(
                "the patterns of the manifest take more than {} bytes compiled together (manifest_pattern_bytes); use fewer, or repeat less in them",
                self.limits.1
            );
            SchemaError::at(path, message)
        })
    }

    /// Bytes of compiled patterns so far.
    pub fn pattern_bytes(&self) -> usize {
        self.limits.1.saturating_sub(self.pattern_bytes)
    }

    pub fn take_places(&mut self, places: usize) -> Result<(), SchemaError> {
        self.in_time("")?;
        let message = "the schemas of the manifest are too large together; use fewer that are built from each other";
        take(&mut self.places, places).ok_or_else(|| SchemaError::at("", message))
    }

    /// How many values of defaults are left.
    pub fn default_values(&mut self) -> &mut usize {
        &mut self.default_values
    }
}

fn take(left: &mut usize, some: usize) -> Option<()> {
    *left = left.checked_sub(some)?;
    Some(())
}

/// The CPU time that this thread has used. Not a time of day: it stands still while others run.
fn thread_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
