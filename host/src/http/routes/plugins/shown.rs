//! Answers about plugins: their files, and what they offer.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::http::api::Api;
use moothall_core::clock::Moment;
use moothall_core::day_budget::day_end;
use moothall_core::ids::{CommunitySlug, InstanceId};
use moothall_engine::calls::UnfitInstance;
use moothall_engine::plugins::{FileReport, Plugin, Violation};

#[derive(Serialize, JsonSchema)]
pub struct PluginFiles {
    plugins: Vec<PluginFile>,
}

#[derive(Serialize, JsonSchema)]
pub struct PluginFile {
    #[serde(flatten)]
    report: FileReport,
    /// The plugin's name as people read it. Null if it says none, and while nothing serves from this file.
    title: Option<String>,
    /// Where people read more of it. Null if it says nothing, and while nothing serves from this file.
    homepage: Option<String>,
    /// What it is for. Null while nothing serves from this file.
    description: Option<String>,
    /// Null while nothing serves from this file.
    stored_today: Option<StoredToday>,
    /// Null while nothing serves from this file.
    config_invalid: Option<UnfitInstances>,
}

/// How much the plugin stored today, and how much it may store in a day.
#[derive(Serialize, JsonSchema)]
struct StoredToday {
    bytes: u64,
    bytes_per_day: u64,
    resets_at: Moment,
}

/// Instances whose stored config the version that serves does not accept.
#[derive(Serialize, JsonSchema)]
struct UnfitInstances {
    count: usize,
    /// The first of them.
    instances: Vec<Unfit>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UnfitInstance")]
struct Unfit {
    id: InstanceId,
    community: CommunitySlug,
    community_platform_id: Option<String>,
    errors: Vec<Violation>,
}

/// Every file in the plugin directory, and its state.
pub fn files(api: &Api) -> PluginFiles {
    let now = api.context.clock.now_ms();
    let file = |report: FileReport| {
        let plugin = report.name.as_ref().and_then(|name| api.context.plugins.get(name));
        let manifest = plugin.as_ref().map(|plugin| &plugin.manifest);
        PluginFile {
            report,
            title: manifest.and_then(|manifest| manifest.title.clone()),
            homepage: manifest.and_then(|manifest| manifest.homepage.clone()),
            description: manifest.map(|manifest| manifest.description.clone()),
            stored_today: plugin.as_ref().map(|plugin| stored_today(plugin, now)),
            config_invalid: plugin.map(|plugin| unfit(api, &plugin)),
        }
    };
    PluginFiles { plugins: api.context.plugins.reports().into_iter().map(file).collect() }
}

fn unfit(api: &Api, plugin: &Plugin) -> UnfitInstances {
    let found = api.calls.unfit(plugin);
    let shown = |one: &UnfitInstance| Unfit {
        id: one.instance.id,
        community: one.instance.community.slug.clone(),
        community_platform_id: one.instance.platform_id.as_deref().map(str::to_owned),
        errors: one.violations.clone(),
    };
    UnfitInstances { count: found.count, instances: found.first.iter().map(shown).collect() }
}

fn stored_today(plugin: &Plugin, now: i64) -> StoredToday {
    StoredToday {
        bytes: plugin.context.spent.today(now),
        bytes_per_day: plugin.context.limits.day_bytes(),
        resets_at: Moment(day_end(now)),
    }
}

/// What a plugin offers.
#[derive(Serialize, JsonSchema)]
pub struct PluginMetadata {
    name: String,
    /// Its name as people read it.
    title: Option<String>,
    /// Where people read more of it.
    homepage: Option<String>,
    /// What it is for.
    description: String,
    auth_type: String,
    uses_webhook: bool,
    schemas: PluginSchemas,
}

#[derive(Serialize, JsonSchema)]
struct PluginSchemas {
    /// A JSON Schema.
    config: Option<Value>,
    actions: Vec<ActionType>,
    events: Vec<EventType>,
    processes: Vec<ProcessType>,
}

/// The JSON Schema of each plugin's config, by the plugin's name.
#[derive(Serialize, JsonSchema)]
pub struct ConfigSchemas(BTreeMap<String, Option<Value>>);

/// An action that a plugin has.
#[derive(Serialize, JsonSchema)]
pub struct ActionType {
    /// `<plugin>.<action>`
    id: String,
    description: String,
    /// A JSON Schema.
    parameters_schema: Option<Value>,
    /// A JSON Schema.
    response_schema: Option<Value>,
}

/// An event that a plugin emits, or the host.
#[derive(Serialize, JsonSchema)]
pub struct EventType {
    pub event_type: String,
    pub source: String,
    pub description: String,
    /// A JSON Schema of its data.
    pub schema: Option<Value>,
}

/// A process that a plugin has.
#[derive(Serialize, JsonSchema)]
pub struct ProcessType {
    /// `<plugin>.<process>`
    id: String,
    description: String,
    /// A JSON Schema.
    parameters_schema: Option<Value>,
    /// A JSON Schema of its outcome.
    response_schema: Option<Value>,
}

pub fn metadata(plugin: &Plugin) -> PluginMetadata {
    PluginMetadata {
        name: plugin.name.to_string(),
        title: plugin.manifest.title.clone(),
        homepage: plugin.manifest.homepage.clone(),
        description: plugin.manifest.description.clone(),
        auth_type: plugin.manifest.auth_type.clone(),
        uses_webhook: plugin.uses_webhook(),
        schemas: PluginSchemas {
            config: plugin.manifest.config_schema.clone(),
            actions: actions_of(plugin),
            events: events_of(plugin),
            processes: processes_of(plugin),
        },
    }
}

pub fn config_schemas(api: &Api) -> ConfigSchemas {
    let all = api.context.plugins.all();
    let schema = |plugin: &std::sync::Arc<Plugin>| {
        (plugin.name.to_string(), plugin.manifest.config_schema.clone())
    };
    ConfigSchemas(all.iter().map(schema).collect())
}

pub fn actions_of(plugin: &Plugin) -> Vec<ActionType> {
    let actions = plugin.manifest.actions.iter().map(|action| ActionType {
        id: format!("{}.{}", plugin.name, action.slug),
        description: action.description.clone(),
        parameters_schema: action.parameters_schema.clone(),
        response_schema: action.response_schema.clone(),
    });
    actions.collect()
}

pub fn events_of(plugin: &Plugin) -> Vec<EventType> {
    let events = plugin.manifest.events.iter().map(|event| EventType {
        event_type: event.event_type.clone(),
        source: plugin.name.to_string(),
        description: event.description.clone(),
        schema: event.schema.clone(),
    });
    events.collect()
}

pub fn processes_of(plugin: &Plugin) -> Vec<ProcessType> {
    let processes = plugin.manifest.processes.iter().map(|process| ProcessType {
        id: format!("{}.{}", plugin.name, process.name),
        description: process.description.clone(),
        parameters_schema: process.parameters_schema.clone(),
        response_schema: process.outcome_schema.clone(),
    });
    processes.collect()
}
