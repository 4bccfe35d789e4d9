//! `[log]`: the log on standard error.

use super::section::{BYTES, COUNT, section};

section! {
    /// `[log]`
    pub struct LogConfig {
        /// Lines that may wait to be written; more are lost, and counted.
        pub queued_lines: usize = 16_384, in COUNT;
        /// And their bytes together.
        pub queued_bytes: usize = 16 << 20, in BYTES;
        /// Lines about requests that the host failed, in a second, on average; more are dropped and counted.
        pub failed_requests_per_second: u32 = 10, in COUNT;
        /// And how many at once.
        pub failed_requests_at_once: u32 = 100, in COUNT;
    }
}
