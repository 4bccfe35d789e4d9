//! `[clock]`: how far the system's clock is believed when it is set.

use serde::Deserialize;

use crate::clock::Trust;

/// `[clock]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClockConfig {
    /// What the system's clock may go forward at once, or while the host was off, in milliseconds. After
    /// more than that, nothing is ended or removed for its age until it has been steady.
    pub step_ms: u32,
    /// How long the clock must have been steady then, in milliseconds; 0: it is always believed.
    pub steady_ms: u32,
}

impl Default for ClockConfig {
    fn default() -> Self {
        Self { step_ms: 60_000, steady_ms: 600_000 }
    }
}

impl ClockConfig {
    pub fn trust(&self) -> Trust {
        Trust { step_ms: self.step_ms.into(), steady_ms: self.steady_ms.into() }
    }
}
