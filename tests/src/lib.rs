//! The tools of the end-to-end tests: the real binary, a real file, real guests.
//!
//! They use the host from outside, as operators and drivers do. Must never link the host: what only
//! its own code can see is not part of its contract.

#![expect(clippy::panic, reason = "everything here is used by tests, which fail by panicking")]

mod answer;
mod author;
mod authority;
mod browser;
pub mod command_line;
mod contract;
pub mod crafted;
pub mod curl;
mod driver;
pub mod guests;
mod host;
mod leased;
pub mod node;
pub mod platforms;
mod prepared;
mod process;
pub mod python;
mod receiver;
pub mod redis;
mod reference;
mod waiting;

pub use answer::Answer;
pub use author::{Author, Developing};
pub use authority::Authority;
pub use browser::Browser;
pub use driver::{Driver, answer};
pub use host::{Setup, TestHost, start_in};
pub use leased::Leased;
pub use process::{HostProcess, moothall};
pub use receiver::{Received, Receiver, Reply};
pub use waiting::{until, until_within};
