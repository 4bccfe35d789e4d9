//! `log`: kept for the test, and printed, so that a failing test shows it.

pub use crate::bindings::imports::moothall::plugin::log::Level;
use crate::log::Level as Importance;
use crate::testing::world::now;

#[expect(clippy::print_stdout, reason = "the test runner shows it where a test fails")]
pub fn log(level: Level, message: &str) {
    let level = match level {
        Level::Trace => Importance::Trace,
        Level::Debug => Importance::Debug,
        Level::Info => Importance::Info,
        Level::Warn => Importance::Warn,
        Level::Error => Importance::Error,
    };
    println!("{level:?}: {message}");
    now(|world| world.lines.push((level, message.to_owned())));
}
