//! Loaded plugins: which there are, which version of each serves, and what became of each file.

mod apart;
pub mod background;
pub mod compile;
pub mod directory;
mod file_name;
mod load;
mod mark;
mod metrics;
mod plugin;
mod report;
mod serving;

pub use apart::Apart;
pub use background::{HookPoint, NamedSchedule, Route, SENDING, Worker};
pub use file_name::stem;
pub use load::Loader;
pub use manifest::{
    Lifecycle, Manifest, OnConfigChange, ProcessFunction, SETTINGS, Scope, SigningKey, from_hex,
    hook_faults,
};
pub use metrics::{CallMetrics, CallOutcome, PluginMetrics};
pub use moothall_values::declared::Declared;
pub use moothall_values::manifest;
pub use moothall_values::schema;
pub use plugin::{Action, NAMED, Plugin, PluginCall, ProcessType};
pub use report::{FileReport, LoadError, OfServing, ServingVersion, Status};
pub use schema::{Bounds, Budget, Lead, Room, Schema, Violation};
pub use serving::{Away, Plugins, Seen};
