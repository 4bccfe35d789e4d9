//! Lines in the host's log, with community, plugin, instance and call. Text printed to standard output or error
//! goes there too; both count against the call's log volume.
//!
//! ```
//! use moothall_sdk::log;
//! use moothall_sdk::prelude::*;
//! # use moothall_sdk::testing::Host;
//!
//! struct Counter;
//!
//! #[plugin(name = "counter")]
//! impl Counter {
//!     #[action(slug = "count")]
//!     fn count(&self) -> Result<()> {
//!         log::info(format_args!("{} votes counted", 3));
//!         Ok(())
//!     }
//! }
//!
//! # let mut host = Host::new(Counter);
//! # host.action("count", json!({})).expect("counted");
//! # assert_eq!(host.log(), [(log::Level::Info, "3 votes counted".to_owned())]);
//! ```

use std::fmt::Display;

use crate::bindings::host::log as host;

/// How important a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every single step.
    Trace,
    /// Information for the plugin's author.
    Debug,
    /// Information for the operator about normal operation.
    Info,
    /// Something is wrong, and the call went on.
    Warn,
    /// Something failed.
    Error,
}

/// Logs one line at `level`: `log::line(Level::Info, format_args!("{n} votes counted"))`.
pub fn line(level: Level, message: impl Display) {
    host::log(level.into(), &message.to_string());
}

/// Logs one line at level trace.
pub fn trace(message: impl Display) {
    line(Level::Trace, message);
}

/// Logs one line at level debug.
pub fn debug(message: impl Display) {
    line(Level::Debug, message);
}

/// Logs one line at level info.
pub fn info(message: impl Display) {
    line(Level::Info, message);
}

/// Logs one line at level warn.
pub fn warn(message: impl Display) {
    line(Level::Warn, message);
}

/// Logs one line at level error.
pub fn error(message: impl Display) {
    line(Level::Error, message);
}

impl From<Level> for host::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::Trace,
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
        }
    }
}
