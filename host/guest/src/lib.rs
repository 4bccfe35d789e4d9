//! The sandbox: loads components and calls them, each call in an instance of its own.
//!
//! Knows what a guest may see and use, and how its calls end; knows nothing of HTTP, of who may
//! call, or of commits: effects are handed back to the caller. `wasmtime` is named here and where
//! components are compiled, nowhere else.

mod bindings;
mod call_state;
mod contexts;
pub mod engine;
pub mod exports;
mod fault;
mod function;
mod guest;
mod imports;
mod limits;
mod log;
mod memory;
mod messages;
mod meter;
mod network;
mod quota;
mod refusal;
mod resident;
mod sandbox;
mod secret_handle;
mod shared;
mod tape;

pub use contexts::{Batch, CallContext, PendingSecrets, PluginContext, Settings};
pub use exports::recorded::returned;
pub use exports::{Export, Output, Verdict};
pub use fault::{Blame, Fault, GuestError, Kind, carried, cut};
pub use function::{CallGroup, CallName, Function, Guests, Origin};
pub use guest::{Ended, Guest};
pub use memory::{MemoryGauge, MemoryReservation};
pub use meter::{LongCalls, enter_runtime};
pub use quota::{Quota, Quotas};
pub use resident::Live;
pub use sandbox::Sandbox;
pub use shared::{Shared, StateReads};
pub use tape::{Recorded, Replayed, Tape};
