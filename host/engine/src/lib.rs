//! The call path: which plugins there are, who has them, and what happens between a request and its commit.
//!
//! Modules stand here in the order in which they call each other; arrows point down only.

pub mod host_scope;
pub mod oauth;

pub mod hooks;
pub mod mutations;
pub mod publishing;

pub mod idempotency;

pub mod calls;
pub mod context;

pub mod communities;
pub mod plugins;
