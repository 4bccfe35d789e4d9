//! Loaded plugins: which there are, which version of each serves, and what became of each file.

mod apart;
pub mod compile;
pub mod directory;
mod file_name;
mod hook_point;
mod load;
mod mark;
mod metrics;
mod plugin;
mod report;
mod route;
mod serving;
mod worker;

pub use apart::Apart;
pub use file_name::stem;
pub use hook_point::HookPoint;
pub use load::{Anatomy, Loaded, Loader};
pub use manifest::{
    Lifecycle, Manifest, OnConfigChange, ProcessFunction, SETTINGS, Scope, SigningKey, from_hex,
    hook_faults,
};
pub use metrics::{CallMetrics, CallOutcome, PluginMetrics};
pub use moothall_values::declared::Declared;
pub use moothall_values::manifest;
pub use moothall_values::schema;
pub use moothall_values::subscriptions::SENDING;
pub use plugin::{Action, NamedSchedule, Plugin, PluginCall, ProcessType};
pub use report::{FileReport, LoadError, OfServing, ServingVersion, Status};
pub use route::Route;
pub use schema::{Bounds, Budget, Lead, Room, Schema, Violation};
pub use serving::{Away, Plugins, Seen};
pub use worker::Worker;
