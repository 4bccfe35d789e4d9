//! The operator's settings for the plugin, from `moothall.toml`. A plugin can only read them.

use serde::de::DeserializeOwned;

use crate::bindings::host::settings as host;
use crate::{Error, Result, read};

/// The operator's settings for this plugin, the same for every community: validated against the
/// schema of the plugin's `settings` type, defaults filled in. A plugin and its processes have them as
/// `self.settings()`.
///
/// ```
/// use moothall_sdk::prelude::*;
/// # use moothall_sdk::testing::Host;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Settings {
///     client_id: String,
/// }
///
/// struct Chat;
///
/// #[plugin(name = "chat", settings = Settings)]
/// impl Chat {
///     #[action(slug = "client", read_only)]
///     fn client(&self) -> Result<String> {
///         Ok(self.settings()?.client_id)
///     }
/// }
///
/// # let mut host = Host::new(Chat).settings(json!({ "client_id": "moothall" }));
/// # assert_eq!(host.action("client", json!({})), Ok(json!("moothall")));
/// ```
pub fn settings<T: DeserializeOwned>() -> Result<T> {
    read::json(host::get())
        .map_err(|error| Error::internal(format!("the settings do not fit their type: {error}")))
}

/// A setting without which the plugin can run, and this call cannot. `unavailable` if the operator has not set it, with
/// its name.
///
/// ```
/// use moothall_sdk::prelude::*;
/// use moothall_sdk::required;
/// # use moothall_sdk::testing::Host;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Settings {
///     app_name: Option<String>,
/// }
///
/// struct Forge;
///
/// #[plugin(name = "forge", settings = Settings)]
/// impl Forge {
///     #[action(slug = "app")]
///     fn app(&self) -> Result<String> {
///         Ok(required(&self.settings()?.app_name, "app_name")?.clone())
///     }
/// }
///
/// # let error = Host::new(Forge).action("app", json!({})).expect_err("nothing is set");
/// # assert!(error.message().contains("'app_name' is missing"), "{error}");
/// ```
pub fn required<'s, T>(setting: &'s Option<T>, name: &str) -> Result<&'s T> {
    setting.as_ref().ok_or_else(|| {
        Error::unavailable(format!(
            "the plugin is not set up: the operator's setting '{name}' is missing"
        ))
    })
}
