//! Write Moothall plugins in Rust.
//!
//! A plugin is a unit struct whose methods carry attributes. Types carry the schemas (`serde` and
//! `schemars`), so no JSON Schema is written by hand; [`plugin`](macro@plugin) makes a component of it that
//! exports exactly what the plugin has. A crate is one plugin, and is built for `wasm32-wasip2`
//! (`cargo build --target wasm32-wasip2 --release`) with this in its `Cargo.toml`, where `../moothall` is a checkout of
//! Moothall's repository:
//!
//! ```toml
//! [package]
//! name = "greeter"
//! version = "0.1.0"
//! edition = "2024"
//!
//! [lib]
//! crate-type = ["cdylib"]
//!
//! [dependencies]
//! moothall-sdk = { path = "../moothall/plugin-sdk" }
//! schemars = "1"
//! serde = { version = "1", features = ["derive"] }
//! ```
//!
//! ```
//! use moothall_sdk::{Plugin, Result, Secret, plugin};
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Config {
//!     /// Shown to nobody, not even to the plugin unless it is granted.
//!     api_key: Secret,
//!     greeting: Option<String>,
//! }
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Greet {
//!     /// Who is greeted.
//!     name: String,
//! }
//!
//! #[derive(Serialize, JsonSchema)]
//! struct Greeting {
//!     text: String,
//! }
//!
//! struct Greeter;
//!
//! #[plugin(name = "greeter", config = Config)]
//! impl Greeter {
//!     fn initialize(&self) -> Result<()> {
//!         self.state().set("greeted", &0)
//!     }
//!
//!     #[action(slug = "greet", description = "Greets somebody.", public)]
//!     fn greet(&self, parameters: Greet) -> Result<Greeting> {
//!         let greeted: u64 = self.state().get("greeted")?.unwrap_or(0);
//!         self.state().set("greeted", &(greeted + 1))?;
//!         let greeting = self.config()?.greeting.unwrap_or_else(|| "Hello".to_owned());
//!         Ok(Greeting { text: format!("{greeting}, {}!", parameters.name) })
//!     }
//! }
//!
//! assert!(Greeter.manifest().to_json().contains(r#""slug":"greet""#));
//! ```
//!
//! [`testing`] calls a plugin in `cargo test`, without a host.
//!
//! This crate never keeps anything between two calls: each runs in a fresh sandbox, and only what
//! is written to [`State`] lasts.

#![deny(missing_docs)]

pub mod accounts;
mod background;
mod bindings;
pub mod context;
mod error;
mod event;
#[doc(hidden)]
pub mod export;
mod headers;
mod hook;
pub mod http;
pub mod log;
pub mod manifest;
pub mod oauth;
mod plugin;
mod process;
mod read;
mod routed;
mod schema;
mod secret;
mod settings;
mod state;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
#[cfg(feature = "verify")]
pub mod verify;
mod webhook;
mod write;

pub use background::{Change, Envelope, Metric, Point, RouteRequest, Sending, metrics};
pub use error::{Error, ErrorKind, Result};
pub use event::{DeclaredBy, Event, Events, NewEvent};
pub use hook::Verdict;
pub use moothall_sdk_macros::{
    Event, action, authorize_url, filter, global_webhook, handshake, monitoring, oauth_callback,
    plugin, process, producer, route, schedule, webhook, worker,
};
pub use plugin::{Empty, Plugin};
pub use process::{Process, ProcessState};
pub use routed::Routed;
pub use secret::Secret;
pub use serde_json;
pub use settings::settings;
pub use state::State;
pub use webhook::{WebhookRequest, WebhookResponse};
