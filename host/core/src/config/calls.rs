//! `[calls]`: which calls are recorded, so that they can be run again, and how much of that is kept.

use serde::Deserialize;

use super::section::{BYTES, COUNT, DAYS, section};

/// Which calls of a plugin are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Record {
    /// Those that the list of failed calls has.
    #[default]
    Failures,
    /// Those too that succeed, or are refused by the plugin.
    All,
    Off,
}

impl TryFrom<String> for Record {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "failures" => Ok(Self::Failures),
            "all" => Ok(Self::All),
            "off" => Ok(Self::Off),
            other => Err(format!("it must be `failures`, `all` or `off`, and is `{other}`")),
        }
    }
}

section! {
    /// `[calls]`
    pub struct CallsConfig {
        /// Which calls are recorded: `failures`, `all` or `off`. `[plugins.<name>] record` says it for one plugin.
        pub record: Record = Record::Failures;
        /// The largest recording of one call, in bytes of what is handed over; a larger one is cut, and says so.
        pub recording_bytes: usize = 256 << 10, in BYTES;
        /// The most recordings of one plugin that are kept per second, on average; more are dropped and counted.
        pub recordings_per_second: u32 = 5, in COUNT;
        /// And how many at once.
        pub recordings_at_once: u32 = 20, in COUNT;
        /// The most recordings that may wait to be written, three quarters of them of one plugin; more are dropped
        /// and counted.
        pub queued_recordings: usize = 64, in COUNT;
        /// The newest recordings that are kept of each plugin.
        pub recordings: u32 = 200, in COUNT;
        /// How long they are kept, in days.
        pub recording_days: u32 = 7, in DAYS;
    }
}
