//! `[clock]`: how far the system's clock is believed when it is set.

use super::section::{DAY_MS, MS, section};
use crate::clock::Trust;

section! {
    /// `[clock]`
    pub struct ClockConfig {
        /// What the system's clock may go forward at once, or while the host was off, in milliseconds. After
        /// more than that, nothing is ended or removed for its age until it has been steady.
        pub step_ms: u32 = 60_000, in MS;
        /// How long the clock must have been steady then, in milliseconds; 0: it is always believed.
        pub steady_ms: u32 = 600_000, in 0..=DAY_MS;
    }
}

impl ClockConfig {
    pub fn trust(&self) -> Trust {
        Trust { step_ms: self.step_ms.into(), steady_ms: self.steady_ms.into() }
    }
}
