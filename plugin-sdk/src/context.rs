//! Which instance the host calls, and why. Nothing here changes during a call.
//!
//! ```
//! use moothall_sdk::context;
//! use moothall_sdk::prelude::*;
//! # use moothall_sdk::testing::Host;
//!
//! struct Mirror;
//!
//! #[plugin(name = "mirror")]
//! impl Mirror {
//!     #[action(slug = "who")]
//!     fn who(&self) -> Result<Value> {
//!         Ok(json!({ "community": context::community(), "why": context::origin() }))
//!     }
//! }
//!
//! # let mut host = Host::new(Mirror).community("acme");
//! # assert_eq!(host.action("who", json!({})), Ok(json!({ "community": "acme", "why": "action" })));
//! ```

use serde::de::DeserializeOwned;

use crate::bindings::host::context;
use crate::{Error, Result, read};

/// The slug of the community.
pub fn community() -> String {
    context::community()
}

/// The community's readable name; may be empty.
pub fn community_name() -> String {
    context::community_name()
}

/// The instance's id.
pub fn instance() -> u64 {
    context::instance()
}

/// Distinguishes several instances of the plugin in one community: the value of the config key that the plugin
/// names as its `community_platform_id_key`.
pub fn community_platform_id() -> Option<String> {
    context::community_platform_id()
}

/// The call's id, as in the host's log.
pub fn call() -> String {
    context::call()
}

/// Why the host makes the call: `action`, `enable`, … More may be added.
pub fn origin() -> String {
    context::origin()
}

/// The id of the request that caused the call, as in `X-Request-Id`; empty if no request did.
pub fn request_id() -> String {
    context::request_id()
}

/// The instance's configuration as any type; [`Instance::config`](crate::Instance::config) is the configuration as
/// the plugin's own type.
pub fn config<T: DeserializeOwned>() -> Result<T> {
    read::json(context::config()).map_err(|error| {
        Error::internal(format!("the configuration does not fit its type: {error}"))
    })
}
