//! Moothall: a WebAssembly plugin host for communities.
//!
//! This crate is the top of the workspace: HTTP, assembling, the command line. `ARCHITECTURE.md` beside it has the
//! overview, the crates below, and the walk through a call.

mod app;
pub mod cli;
pub mod http;
