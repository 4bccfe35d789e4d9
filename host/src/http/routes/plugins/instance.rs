//! The answer about an instance: a plugin that is enabled for a community.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::http::api::Api;
use moothall_core::ids::InstanceId;
use moothall_core::instance::Instance;
use moothall_core::secrets::shown;
use moothall_values::json::{self, Exact};

/// A plugin that is enabled for a community.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Instance")]
pub struct ShownInstance {
    id: InstanceId,
    name: String,
    /// The settings, with `********` in place of each secret.
    #[schemars(with = "Map<String, Value>")]
    config: Box<RawValue>,
    community: String,
    /// Distinguishes several instances of one plugin in a community.
    community_platform_id: Option<String>,
    /// Null while the plugin is not loaded.
    auth_type: Option<String>,
}

/// An instance for an answer: with its secrets, which are at `pointers`, replaced, whether its plugin is loaded
/// or not.
pub fn instance_shown(
    api: &Api,
    instance: &Instance,
    pointers: Option<&Vec<String>>,
) -> ShownInstance {
    let plugin = api.context.plugins.get(instance.plugin.as_str());
    let public: Value = serde_json::from_str(instance.stored_config()).unwrap_or_default();
    let mut pointers = pointers.cloned().unwrap_or_default();
    pointers.extend(plugin.iter().flat_map(|plugin| plugin.config_schema.secrets().find(&public)));
    let written = Exact::of(instance.stored_config()).ok();
    let config = json::rewritten(&shown(&public, &pointers), &written.iter().collect::<Vec<_>>());
    ShownInstance {
        id: instance.id,
        name: instance.plugin.to_string(),
        config: RawValue::from_string(config).expect("what was written from a value is JSON"),
        community: instance.community.slug.to_string(),
        community_platform_id: instance.platform_id.as_deref().map(str::to_owned),
        auth_type: plugin.map(|plugin| plugin.manifest.auth_type.clone()),
    }
}
