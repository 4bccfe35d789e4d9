//! The contract in `wit/` as Rust: one module for the imports and one for each export interface. wit-bindgen has
//! written them once (`cargo xtask bindings`), so that no build of a plugin has to build wit-bindgen. They are used
//! only by this crate and by the code that `#[plugin]` writes.
//!
//! Each export module has a macro that makes a component export its interface. So a component whose author implements
//! no actions exports none.

#![expect(missing_docs, reason = "the contract is documented in its WIT files")]
#![expect(unsafe_code, reason = "calls across the border of a component are raw pointers")]
#![expect(clippy::allow_attributes, reason = "wit-bindgen allows what it may write")]
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "wit-bindgen's code checks what the host passes, which a plugin cannot answer"
)]

#[rustfmt::skip]
pub mod imports;

#[rustfmt::skip]
pub mod actions;
#[rustfmt::skip]
pub mod global_webhooks;
#[rustfmt::skip]
pub mod handshakes;
#[rustfmt::skip]
pub mod hooks;
#[rustfmt::skip]
pub mod lifecycle;
#[rustfmt::skip]
pub mod monitoring;
#[rustfmt::skip]
pub mod oauth;
#[rustfmt::skip]
pub mod plugin;
#[rustfmt::skip]
pub mod processes;
#[rustfmt::skip]
pub mod producer;
#[rustfmt::skip]
pub mod routes;
#[rustfmt::skip]
pub mod schedules;
#[rustfmt::skip]
pub mod webhooks;
#[rustfmt::skip]
pub mod workers;

/// The imports that the SDK calls: the real ones in a component, their in-memory counterparts elsewhere.
#[cfg(target_family = "wasm")]
pub use imports::moothall::plugin as host;

#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::testing::imports as host;
