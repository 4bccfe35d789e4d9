//! The operator's settings for the plugin, from `moothall.toml`. A plugin can only read them.

use serde::de::DeserializeOwned;

use crate::bindings::host::settings as host;
use crate::{Error, Result, read};

/// The operator's settings for this plugin, the same for every community: validated against the
/// schema of the plugin's `settings` type, defaults filled in.
pub fn settings<T: DeserializeOwned>() -> Result<T> {
    read::json(host::get())
        .map_err(|error| Error::internal(format!("the settings do not fit their type: {error}")))
}
