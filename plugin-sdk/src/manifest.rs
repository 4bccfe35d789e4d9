//! What a plugin is: the JSON that the host reads once for each new file. It depends on nothing but
//! the plugin's types. The attribute [`plugin`](macro@crate::plugin) writes these calls.

use schemars::{JsonSchema, Schema};
use serde::Serialize;

use crate::schema;

/// A plugin's manifest, as `wit/manifest.schema.json` describes it.
#[derive(Debug, Clone, Serialize)]
pub struct Manifest {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config_schema: Option<Schema>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings_schema: Option<Schema>,
    #[serde(skip_serializing_if = "Option::is_none")]
    community_platform_id_key: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_config_change: Option<&'static str>,
    lifecycle: Vec<&'static str>,
    actions: Vec<Action>,
    requests: Requests,
}

#[derive(Debug, Clone, Default, Serialize)]
struct Requests {
    reveal: Vec<&'static str>,
}

impl Manifest {
    /// The manifest of a plugin that can do nothing yet.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            version: None,
            description: None,
            auth_type: None,
            config_schema: None,
            settings_schema: None,
            community_platform_id_key: None,
            on_config_change: None,
            lifecycle: Vec::new(),
            actions: Vec::new(),
            requests: Requests::default(),
        }
    }

    /// The plugin's own version.
    #[must_use]
    pub fn version(mut self, version: &'static str) -> Self {
        self.version = Some(version);
        self
    }

    /// What the plugin is for.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    /// How a community authorises the plugin: `none`, `api_key` or `oauth`.
    #[must_use]
    pub fn auth_type(mut self, auth_type: &'static str) -> Self {
        self.auth_type = Some(auth_type);
        self
    }

    /// The type of an instance's configuration.
    #[must_use]
    pub fn config<T: JsonSchema>(mut self) -> Self {
        self.config_schema = Some(schema::of_object::<T>());
        self
    }

    /// The type of the operator's settings.
    #[must_use]
    pub fn settings<T: JsonSchema>(mut self) -> Self {
        self.settings_schema = Some(schema::of_object::<T>());
        self
    }

    /// The config key whose value tells several instances in one community apart.
    #[must_use]
    pub fn community_platform_id_key(mut self, key: &'static str) -> Self {
        self.community_platform_id_key = Some(key);
        self
    }

    /// What a changed configuration does to an instance: `recreate` or `keep`.
    #[must_use]
    pub fn on_config_change(mut self, choice: &'static str) -> Self {
        self.on_config_change = Some(choice);
        self
    }

    /// Adds a lifecycle function that does something.
    #[must_use]
    pub fn lifecycle(mut self, function: &'static str) -> Self {
        self.lifecycle.push(function);
        self
    }

    /// Adds an action.
    #[must_use]
    pub fn action(mut self, action: Action) -> Self {
        self.actions.push(action);
        self
    }

    /// Asks for a secret's value: a JSON Pointer into the configuration, or `settings:<name>`.
    #[must_use]
    pub fn reveal(mut self, secret: &'static str) -> Self {
        self.requests.reveal.push(secret);
        self
    }

    /// The manifest as the host reads it.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings, lists and JSON values always have a JSON text")
    }
}

/// One action of a [`Manifest`].
#[derive(Debug, Clone, Serialize)]
pub struct Action {
    slug: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_schema: Option<Schema>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_schema: Option<Schema>,
    public: bool,
    read_only: bool,
}

impl Action {
    /// An action that takes any object and answers anything.
    pub fn new(slug: &'static str) -> Self {
        Self {
            slug,
            description: None,
            parameters_schema: None,
            response_schema: None,
            public: false,
            read_only: false,
        }
    }

    /// What the action does.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    /// The type of its parameters.
    #[must_use]
    pub fn parameters<T: JsonSchema>(mut self) -> Self {
        self.parameters_schema = Some(schema::of_object::<T>());
        self
    }

    /// The type of its result.
    #[must_use]
    pub fn response<T: JsonSchema>(mut self) -> Self {
        self.response_schema = Some(schema::of_result::<T>());
        self
    }

    /// Makes it callable without an API key.
    #[must_use]
    pub fn public(mut self) -> Self {
        self.public = true;
        self
    }

    /// Says that it writes no state.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }
}
