//! What nearly every plugin uses: `use moothall_sdk::prelude::*;`.
//!
//! ```
//! use moothall_sdk::prelude::*;
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Vote {
//!     choice: String,
//! }
//!
//! #[derive(Event, Serialize, JsonSchema)]
//! #[event("voted")]
//! struct Voted {
//!     choice: String,
//! }
//!
//! struct Ballots;
//!
//! #[plugin(name = "ballots", events(Voted))]
//! impl Ballots {
//!     #[action(slug = "vote")]
//!     fn vote(&self, Vote { choice }: Vote) -> Result<Value> {
//!         if choice.is_empty() {
//!             return Err(Error::invalid("a vote needs a choice"));
//!         }
//!         let id = self.events().emit(&Voted { choice })?;
//!         Ok(json!({ "event": id }))
//!     }
//! }
//! # use moothall_sdk::testing::Host;
//! # assert!(Host::new(Ballots).action("vote", json!({ "choice": "yes" })).is_ok());
//! ```
//!
//! The derive macros name the crates `serde` and `schemars`, so that a plugin has these among its dependencies too. A
//! type of a crate without them says where they are:
//!
//! ```
//! # use moothall_sdk::prelude::*;
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(crate = "moothall_sdk::serde")]
//! #[schemars(crate = "moothall_sdk::schemars")]
//! struct Vote {
//!     choice: String,
//! }
//! ```

#[doc(no_inline)]
pub use crate::{
    Error, ErrorKind, Event, Instance, Moment, Plugin, Process, Result, RouteRequest, Secret,
    WebhookRequest, WebhookResponse, plugin, process,
};
#[doc(no_inline)]
pub use schemars::JsonSchema;
#[doc(no_inline)]
pub use serde::{Deserialize, Serialize};
#[doc(no_inline)]
pub use serde_json::{Value, json};
