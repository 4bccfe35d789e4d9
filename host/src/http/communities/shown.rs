//! What is shown of communities, of the instances in them, and of what their plugins have.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::communities::Community;
use crate::http::Api;
use crate::http::error::Problem;
use crate::http::plugins::{ActionType, EventType, ProcessType};
use crate::ids::InstanceId;
use crate::instance::Instance;
use crate::json::{self, Exact};
use crate::secrets::shown;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Community")]
pub struct ShownCommunity {
    slug: String,
    /// The slug.
    name: String,
    readable_name: String,
    plugins: Vec<ShownInstance>,
}

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
    /// What tells several instances of one plugin in a community apart.
    community_platform_id: Option<String>,
    /// Null while the plugin is not loaded.
    auth_type: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct Communities {
    pub communities: Vec<ShownCommunity>,
    /// The `after` of the next page.
    pub next: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct WebhookUrls {
    /// Paths on this host.
    pub hooks: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct ActionTypes {
    pub actions: Vec<ActionType>,
}

#[derive(Serialize, JsonSchema)]
pub struct ProcessTypes {
    pub processes: Vec<ProcessType>,
}

#[derive(Serialize, JsonSchema)]
pub struct CommunityEventTypes {
    pub events: Vec<EventType>,
}

pub fn community_shown(api: &Api, community: &Community) -> Result<ShownCommunity, Problem> {
    let id = community.names.id;
    let pointers = api.context.store.read(|reader| reader.secret_pointers(id))?;
    Ok(with_pointers(api, community, &pointers))
}

/// The same with what is known already: where the secrets of each instance are.
pub fn with_pointers(
    api: &Api,
    community: &Community,
    pointers: &BTreeMap<InstanceId, Vec<String>>,
) -> ShownCommunity {
    let names = &community.names;
    let shown =
        |instance: &Arc<Instance>| instance_shown(api, instance, pointers.get(&instance.id));
    ShownCommunity {
        slug: names.slug.to_string(),
        name: names.slug.to_string(),
        readable_name: names.readable_name.to_string(),
        plugins: community.instances.iter().map(shown).collect(),
    }
}

/// An instance as it is shown: its secrets, which are at `pointers`, replaced, whether its plugin
/// is loaded or not.
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
