//! Who is being called, for whom. All of it is constant for the length of a call.

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

/// What tells several instances of the plugin in one community apart: the value of the config key
/// that the plugin names as its `community_platform_id_key`.
pub fn community_platform_id() -> Option<String> {
    context::community_platform_id()
}

/// The call's id, the one in the host's log.
pub fn call() -> String {
    context::call()
}

/// What brought the call about: `action`, `enable`, … More may be added.
pub fn origin() -> String {
    context::origin()
}

/// The request's id, as answered in `X-Request-Id`; empty where no request is behind the call.
pub fn request_id() -> String {
    context::request_id()
}

/// The instance's configuration as any type; [`Plugin::config`](crate::Plugin::config) is it as
/// the plugin's own.
pub fn config<T: DeserializeOwned>() -> Result<T> {
    read::json(context::config()).map_err(|error| {
        Error::internal(format!("the configuration does not fit its type: {error}"))
    })
}
