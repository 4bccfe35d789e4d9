//! What every plugin has. Everything is fetched only when the author asks for it: a call that needs no
//! configuration reads none.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::State;
use crate::manifest::Manifest;

/// A plugin; implemented by the attribute [`plugin`](macro@crate::plugin) on its `impl` block. What it shares with its
/// processes comes from [`Instance`](crate::Instance).
pub trait Plugin: Sized + 'static {
    /// The configuration of an instance: the attribute's `config`.
    type Config: DeserializeOwned;

    /// The operator's settings for the plugin: the attribute's `settings`.
    type Settings: DeserializeOwned;

    /// The plugin itself. It is a unit struct because only its state outlives a call.
    #[doc(hidden)]
    const PLUGIN: Self;

    /// The plugin's manifest.
    fn manifest(&self) -> Manifest;

    /// The instance's own state.
    fn state(&self) -> State {
        State::new()
    }
}

/// The configuration, or the settings, of a plugin that has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Empty {}
