//! The attributes of `moothall-sdk`. A thin shell: reading, checking and writing are ordinary
//! functions on tokens, and what the written code calls are ordinary functions of the SDK.

mod glue;
mod method;
mod mistakes;
mod name;
mod options;
mod plugin;

use proc_macro::TokenStream;

/// Makes a plugin of an `impl` block on a unit struct.
///
/// ```text
/// struct Tutorial;
///
/// #[plugin(
///     name = "tutorial",                      // required: [a-z][a-z0-9-]{0,49}
///     config = Config,                        // Deserialize + JsonSchema
///     settings = Settings,                    // Deserialize + JsonSchema
///     version = "1.2.0",                      // else the crate's version
///     description = "What it is for.",
///     auth_type = "api_key",                  // none, api_key or oauth
///     community_platform_id_key = "team_id",  // a key of the config
///     on_config_change = "keep",              // recreate (with its state) or keep
///     requests(reveal("/api_key")),           // what the operator is asked to grant
/// )]
/// impl Tutorial { … }
/// ```
///
/// Methods with these names are called when it happens, all optional:
///
/// - `fn initialize(&self) -> Result<()>`, once, when the plugin is enabled for a community;
/// - `fn config_changed(&self, previous: Config) -> Result<()>`, with `on_config_change = "keep"`;
/// - `fn upgraded(&self, from_version: String) -> Result<()>`, before the first call on a new version;
/// - `fn close(&self) -> Result<()>`, at the host's shutdown.
///
/// Methods with [`action`](macro@action) are actions. All others are the plugin's own.
#[proc_macro_attribute]
pub fn plugin(attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::expand(attributes.into(), item.into()).into()
}

/// Makes an action of a method in an `impl` block that has [`plugin`](macro@plugin).
///
/// ```text
/// #[action(
///     slug = "times-two",                     // required: [a-z][a-z0-9-]{0,49}
///     description = "Doubles a number.",
///     public,                                 // callable without an API key
///     read_only,                              // writes no state
/// )]
/// fn times_two(&self, parameters: TimesTwo) -> Result<Doubled> { … }
/// ```
///
/// The parameters are any `Deserialize + JsonSchema` type and may be left out; the result is any
/// `Serialize + JsonSchema` type, and `Result<()>` answers nothing.
#[proc_macro_attribute]
pub fn action(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::action_outside_a_plugin(item.into()).into()
}
