//! Answers about communities, their instances, and what their plugins offer.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::http::api::Api;
use crate::http::problem::Problem;
use crate::http::routes::plugins::instance::{ShownInstance, instance_shown};
use crate::http::routes::plugins::{ActionType, EventType, ProcessType};
use moothall_core::ids::InstanceId;
use moothall_core::instance::Instance;
use moothall_engine::communities::Community;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Community")]
pub struct ShownCommunity {
    slug: String,
    /// The slug.
    name: String,
    readable_name: String,
    plugins: Vec<ShownInstance>,
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

/// The same, with the known places of each instance's secrets.
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
