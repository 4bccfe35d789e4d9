//! Checks of the types that an author names, made by the compiler. Nothing here is called at run time: the
//! attributes write constants that use it.

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

/// A process of a plugin with this configuration and these settings, or one that reads neither.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is listed in `processes(…)` and is no process",
    label = "no process",
    note = "write `#[process(name = \"…\")]` on its `impl` block"
)]
pub trait ProcessOf<P: Plugin>: ProcessFunctions {}

/// The configuration of a plugin, as one of its processes names it.
#[diagnostic::on_unimplemented(
    message = "the process has `config = {Process}`, and its plugin's configuration is another type: `{Self}`",
    label = "this process",
    note = "write the plugin's own type into `#[process(config = …)]`, or leave `config` out"
)]
pub trait ConfigOfProcess<Process> {}

impl<T> ConfigOfProcess<T> for T {}

/// The settings of a plugin, as one of its processes names them.
#[diagnostic::on_unimplemented(
    message = "the process has `settings = {Process}`, and its plugin's settings are another type: `{Self}`",
    label = "this process",
    note = "write the plugin's own type into `#[process(settings = …)]`, or leave `settings` out"
)]
pub trait SettingsOfProcess<Process> {}

impl<T> SettingsOfProcess<T> for T {}

/// Lists a process of this plugin.
pub const fn listed<P: Plugin, Process: ProcessOf<P>>(
    process: &'static Process,
) -> &'static dyn ProcessFunctions {
    process
}
