//! Write Moothall plugins in Rust.
//!
//! A plugin is a unit struct whose methods have attributes. The SDK derives JSON Schemas from types (`serde`
//! and `schemars`), and [`plugin`](macro@plugin) makes a component that exports exactly what the plugin has.
//! One crate makes one plugin. Build it for `wasm32-wasip2` (`cargo build --target wasm32-wasip2 --release`)
//! with this in its `Cargo.toml`:
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
//! moothall-sdk = "0.1"      # or the path of a checkout: { path = "../moothall/plugin-sdk" }
//! schemars = "1"
//! serde = { version = "1", features = ["derive"] }
//! ```
//!
//! ```
//! use moothall_sdk::prelude::*;
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
//! Nothing is kept between two calls: each runs in a fresh sandbox, and only what is written to [`State`]
//! lasts.
//!
//! | what a plugin does | where it is described, with an example |
//! | --- | --- |
//! | offers actions, HTTP routes | [`action`](macro@action), [`route`](macro@route) |
//! | receives webhooks | [`webhook`](macro@webhook), [`global_webhook`](macro@global_webhook), [`handshake`](macro@handshake), `verify` |
//! | runs governance processes | [`process`](macro@process), [`Process`], [`Moment`]; votes: [`voting`] |
//! | works on its own | [`producer`](macro@producer), [`schedule`](macro@schedule), [`worker`](macro@worker) |
//! | guards what others do | [`filter`](macro@filter), [`Hook`](manifest::Hook) |
//! | authorises communities and people | [`oauth`], [`accounts`], `jwt` |
//! | keeps and tells | [`State`], [`Events`], [`log`] |
//! | shares functions with its processes | [`Instance`] |
//! | reaches platforms, and refuses | [`http`], [`Secret`], [`Error`] |
//! | knows where it runs | [`context`], [`settings`](fn@settings), [`metrics`](fn@metrics), [`monitoring`](macro@monitoring) |

#![deny(missing_docs)]

pub mod accounts;
mod attributes;
mod bindings;
pub mod context;
mod error;
mod events;
#[doc(hidden)]
pub mod export;
mod global_webhooks;
mod headers;
mod hooks;
pub mod http;
mod instance;
#[cfg(feature = "jwt")]
pub mod jwt;
pub mod log;
pub mod manifest;
mod metrics;
mod misfit;
mod moment;
mod monitoring;
pub mod oauth;
mod plugin;
pub mod prelude;
mod process;
mod read;
mod routes;
mod schema;
mod secrets;
mod settings;
mod state;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
#[cfg(feature = "verify")]
pub mod verify;
pub mod voting;
mod web;
mod workers;
mod write;

pub use attributes::{
    Event, action, authorize_url, filter, global_webhook, handshake, monitoring, oauth_callback,
    plugin, process, producer, route, schedule, webhook, worker,
};
pub use error::{Error, ErrorKind, KnownFailure, Result};
pub use events::{DeclaredBy, Event, Events, NewEvent};
pub use global_webhooks::Routed;
pub use hooks::Verdict;
pub use instance::Instance;
pub use metrics::{Metric, metrics};
pub use moment::Moment;
pub use monitoring::Point;
pub use plugin::{Empty, Plugin};
pub use process::{Process, ProcessState};
pub use read::from_value;
pub use routes::RouteRequest;
pub use secrets::Secret;
pub use settings::{required, settings};
pub use state::State;
pub use web::{WebhookRequest, WebhookResponse};
pub use workers::{Change, Envelope, Sending};
pub use write::to_value;
pub use {schemars, serde, serde_json};

/// Runs the example of the package's own page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
