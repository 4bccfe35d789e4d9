//! `log`: one line into the host's log, bounded by call.

use tracing::Level;

use crate::bindings::imports::moothall::plugin::log;
use crate::call_state::CallState;

impl log::Host for CallState {
    fn log(&mut self, level: log::Level, message: String) {
        let level = match level {
            log::Level::Trace => Level::TRACE,
            log::Level::Debug => Level::DEBUG,
            log::Level::Info => Level::INFO,
            log::Level::Warn => Level::WARN,
            log::Level::Error => Level::ERROR,
        };
        CallState::log(self).message(level, &message);
    }
}
