//! `[clock]`: how far the host trusts the system's clock after it was set.

use super::section::{DAY_MS, MS, section};
use crate::clock::Trust;

section! {
    /// `[clock]`
    pub struct ClockConfig {
        /// How far the system's clock may jump forward, or run while the host was off, and be trusted at once,
        /// in milliseconds. After a larger jump nothing expires until the clock has been steady.
        pub step_ms: u32 = 60_000, in MS;
        /// How long the clock must have been steady then, in milliseconds; 0: it is always trusted.
        pub steady_ms: u32 = 600_000, in 0..=DAY_MS;
    }
}

impl ClockConfig {
    pub fn trust(&self) -> Trust {
        Trust { step_ms: self.step_ms.into(), steady_ms: self.steady_ms.into() }
    }
}
