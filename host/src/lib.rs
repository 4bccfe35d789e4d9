//! Moothall: a WebAssembly plugin host for communities.
//!
//! This crate is the top of the house: HTTP, the assembling of everything, the command line. `ARCHITECTURE.md` beside it
//! has the bird's-eye view, the crates below, and the walk through a call.

mod app;
pub mod cli;
pub mod http;
