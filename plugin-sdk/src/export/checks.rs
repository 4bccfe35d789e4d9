//! What the compiler checks of the types that an author names. Nothing here is ever called: the attributes
//! write constants of it.

use super::ProcessFunctions;
use crate::{Event, Plugin};

/// Whether two events have different types.
pub const fn are_distinct<One: Event, Other: Event>() -> bool {
    let (one, other) = (One::TYPE.as_bytes(), Other::TYPE.as_bytes());
    if one.len() != other.len() {
        return true;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return true;
        }
        at += 1;
    }
    false
}

/// A process that reads the configuration and the settings of this plugin, or none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is listed in `processes(…)` and is no process",
    label = "no process",
    note = "write `#[process(name = \"…\")]` on its `impl` block"
)]
pub trait ProcessOf<P: Plugin>: ProcessFunctions {}

/// The configuration of a plugin, as one of its processes calls it.
#[diagnostic::on_unimplemented(
    message = "the process has `config = {Process}`, and its plugin's configuration is another type: `{Self}`",
    label = "this process",
    note = "write the plugin's own type into `#[process(config = …)]`, or leave `config` out"
)]
pub trait ConfigOfProcess<Process> {}

impl<T> ConfigOfProcess<T> for T {}

/// The settings of a plugin, as one of its processes calls them.
#[diagnostic::on_unimplemented(
    message = "the process has `settings = {Process}`, and its plugin's settings are another type: `{Self}`",
    label = "this process",
    note = "write the plugin's own type into `#[process(settings = …)]`, or leave `settings` out"
)]
pub trait SettingsOfProcess<Process> {}

impl<T> SettingsOfProcess<T> for T {}

/// A process of this plugin.
pub const fn listed<P: Plugin, Process: ProcessOf<P>>(
    process: &'static Process,
) -> &'static dyn ProcessFunctions {
    process
}
