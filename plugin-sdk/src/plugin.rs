//! What every plugin has. Everything is fetched only when the author asks for it: a call that needs no
//! configuration reads none.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::manifest::Manifest;
use crate::{Events, Result, Secret, State, context, settings};

/// A plugin; implemented by the attribute [`plugin`](macro@crate::plugin) on its `impl` block.
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

    /// The instance's configuration: validated, its defaults filled in.
    fn config(&self) -> Result<Self::Config> {
        context::config()
    }

    /// The operator's settings for this plugin, the same for every community.
    fn settings(&self) -> Result<Self::Settings> {
        settings::settings()
    }

    /// The instance's own state.
    fn state(&self) -> State {
        State::new()
    }

    /// Emits events of the instance.
    fn events(&self) -> Events<Self> {
        Events::new()
    }

    /// The secret at `pointer` (a JSON Pointer such as `/api_key`) of the configuration.
    fn secret(&self, pointer: &str) -> Secret {
        Secret::at(pointer)
    }
}

/// The configuration, or the settings, of a plugin that has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Empty {}
