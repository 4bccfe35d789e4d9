//! `[log]`: the log on standard error.

use super::section::{BYTES, COUNT, section};

section! {
    /// `[log]`
    pub struct LogConfig {
        /// The most lines that may wait to be written; more are lost, and counted.
        pub queued_lines: usize = 16_384, in COUNT;
        /// The most bytes of these lines.
        pub queued_bytes: usize = 16 << 20, in BYTES;
        /// Lines per second about requests that the host failed, on average; more are dropped and counted.
        pub failed_requests_per_second: u32 = 10, in COUNT;
        /// The most of them at once.
        pub failed_requests_at_once: u32 = 100, in COUNT;
    }
}
