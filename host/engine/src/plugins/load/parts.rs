//! Compiles the parts of a manifest: actions, events, processes, hooks, workers, schedules and routes.
//!
//! Every mistake is found at once.

use std::collections::HashMap;
use std::sync::Arc;

use super::schemas::Schemas;
use crate::plugins::manifest::{ActionManifest, ProcessManifest, ScheduleManifest};
use crate::plugins::{
    Action, CallMetrics, HookPoint, LoadError, Manifest, NamedSchedule, ProcessType, Route, Schema,
    Worker,
};
use moothall_core::config::PluginConfig;
use moothall_core::grants::Grants;
use moothall_core::schedule::Schedule;
use moothall_guest::CallGroup;

pub fn actions(
    manifest: &Manifest,
    schemas: &mut Schemas,
) -> Result<HashMap<String, Arc<Action>>, Vec<LoadError>> {
    let mut actions = HashMap::new();
    let mut mistakes = Vec::new();
    for each in &manifest.actions {
        match action(&manifest.name, each, schemas) {
            Ok(action) => drop(actions.insert(each.slug.clone(), Arc::new(action))),
            Err(more) => mistakes.extend(more),
        }
    }
    if mistakes.is_empty() { Ok(actions) } else { Err(mistakes) }
}

fn action(
    plugin: &str,
    action: &ActionManifest,
    schemas: &mut Schemas,
) -> Result<Action, Vec<LoadError>> {
    let place = |which: &str| format!("actions.{}.{which}", action.slug);
    let (body, result) = (schemas.body_bytes, schemas.limits.result_bytes);
    let (parameters, response) = (
        schemas.compile_any(&place("parameters_schema"), &action.parameters_schema, body),
        schemas.compile_any(&place("response_schema"), &action.response_schema, result),
    );
    match (parameters, response) {
        (Ok(parameters), Ok(response)) => Ok(Action {
            slug: action.slug.as_str().into(),
            parameters: parameters.unwrap_or_else(Schema::any_object),
            response,
            public: action.public,
            read_only: action.read_only,
            metrics: CallMetrics::new(plugin, CallGroup::Action, &action.slug),
        }),
        (parameters, response) => {
            Err([parameters.err(), response.err()].into_iter().flatten().flatten().collect())
        }
    }
}

pub fn events(
    manifest: &Manifest,
    schemas: &mut Schemas,
) -> Result<HashMap<String, Option<Schema>>, Vec<LoadError>> {
    let bytes = schemas.limits.event_bytes;
    let (mut events, mut mistakes) = (HashMap::new(), Vec::new());
    for event in &manifest.events {
        let place = format!("events.{}.schema", event.event_type);
        match schemas.compile_any(&place, &event.schema, bytes) {
            Ok(schema) => drop(events.insert(event.event_type.clone(), schema)),
            Err(more) => mistakes.extend(more),
        }
    }
    if mistakes.is_empty() { Ok(events) } else { Err(mistakes) }
}

pub fn processes(
    manifest: &Manifest,
    config: &PluginConfig,
    schemas: &mut Schemas,
) -> Result<HashMap<String, Arc<ProcessType>>, Vec<LoadError>> {
    let (mut processes, mut mistakes) = (HashMap::new(), Vec::new());
    for each in &manifest.processes {
        match process(&manifest.name, each, config, schemas) {
            Ok(process) => drop(processes.insert(each.name.clone(), Arc::new(process))),
            Err(more) => mistakes.extend(more),
        }
    }
    if mistakes.is_empty() { Ok(processes) } else { Err(mistakes) }
}

fn process(
    plugin: &str,
    process: &ProcessManifest,
    config: &PluginConfig,
    schemas: &mut Schemas,
) -> Result<ProcessType, Vec<LoadError>> {
    let place = |which: &str| format!("processes.{}.{which}", process.name);
    let (body, handed_over) = (schemas.body_bytes, schemas.limits.process_bytes);
    let (parameters, outcome) = (
        schemas.compile_any(&place("parameters_schema"), &process.parameters_schema, body),
        schemas.compile_any(&place("outcome_schema"), &process.outcome_schema, handed_over),
    );
    let schedule =
        schedule(process.schedule.as_ref(), (plugin, &process.name, config)).map_err(|one| {
            vec![LoadError::new("bad_schedule", format!("processes.{}: {one}", process.name))]
        });
    match (parameters, outcome, schedule) {
        (Ok(parameters), Ok(outcome), Ok(schedule)) => Ok(ProcessType {
            name: process.name.as_str().into(),
            parameters: parameters.unwrap_or_else(Schema::any_object),
            outcome,
            functions: process.functions.clone(),
            schedule,
            metrics: CallMetrics::new(plugin, CallGroup::Process, &process.name),
        }),
        (parameters, outcome, schedule) => {
            let mistakes = [parameters.err(), outcome.err(), schedule.err()];
            Err(mistakes.into_iter().flatten().flatten().collect())
        }
    }
}

/// How often `producer.tick` is called: as the operator sets it, or else as the manifest says.
pub fn producer(
    manifest: &Manifest,
    config: &PluginConfig,
    capabilities: &[&str],
) -> Result<Option<Schedule>, LoadError> {
    if !capabilities.contains(&"producer") {
        return Ok(None);
    }
    let schedule = schedule(manifest.producer.as_ref(), (&manifest.name, "producer", config));
    schedule.map(Some).map_err(|one| LoadError::new("bad_schedule", format!("producer: {one}")))
}

fn schedule(
    manifest: Option<&ScheduleManifest>,
    (plugin, name, config): (&str, &str, &PluginConfig),
) -> Result<Schedule, String> {
    if let Some(operator) = config.every.get(name) {
        return Schedule::of_operator(operator).map_err(|wrong| {
            format!("{wrong} (`every` of [plugins.{plugin}] in moothall.toml, `{name}`)")
        });
    }
    let Some(said) = manifest else { return Ok(Schedule::default()) };
    Schedule::parse(
        said.every.as_deref(),
        said.cron.as_deref(),
        said.time_zone.as_deref(),
        said.jitter.as_deref(),
    )
}

pub fn hooks(
    manifest: &Manifest,
    schemas: &mut Schemas,
) -> Result<Vec<Arc<HookPoint>>, Vec<LoadError>> {
    all(manifest.hooks.iter().map(|hook| schemas.hook(hook.clone())))
}

pub fn workers(manifest: &Manifest, grants: &Grants) -> Result<Vec<Arc<Worker>>, Vec<LoadError>> {
    let allowed = grants.allowed_events();
    all(manifest.workers.iter().map(|one| Worker::new(one, allowed.clone())))
}

/// All of them, or the mistakes of all.
fn all<T>(
    made: impl Iterator<Item = Result<T, Vec<String>>>,
) -> Result<Vec<Arc<T>>, Vec<LoadError>> {
    let mut mistakes = Vec::new();
    let made = made.filter_map(|one| one.map_err(|wrong| mistakes.extend(wrong)).ok());
    let made = made.map(Arc::new).collect();
    if mistakes.is_empty() { Ok(made) } else { Err(LoadError::all("bad_manifest", mistakes)) }
}

/// The most exact first.
pub fn routes(manifest: &Manifest) -> Result<Vec<Route>, Vec<LoadError>> {
    let mut routes: Vec<_> = manifest.routes.iter().map(Route::new).collect();
    let mistakes = collisions(&routes);
    if !mistakes.is_empty() {
        return Err(LoadError::all("bad_manifest", mistakes));
    }
    routes.sort_by_key(|route| std::cmp::Reverse(route.exactness()));
    Ok(routes)
}

pub fn schedules(
    manifest: &Manifest,
    config: &PluginConfig,
) -> Result<Vec<NamedSchedule>, Vec<LoadError>> {
    let (mut schedules, mut mistakes) = (Vec::new(), Vec::new());
    for one in &manifest.schedules {
        match schedule(Some(&one.when), (&manifest.name, &one.name, config)) {
            Ok(schedule) => {
                schedules.push(NamedSchedule { name: one.name.as_str().into(), schedule })
            }
            Err(wrong) => {
                mistakes.push(LoadError::new(
                    "bad_schedule",
                    format!("schedules.{}: {wrong}", one.name),
                ));
            }
        }
    }
    if mistakes.is_empty() { Ok(schedules) } else { Err(mistakes) }
}

/// Pairs of routes that the same request would fit.
fn collisions(routes: &[Route]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (at, route) in routes.iter().enumerate() {
        let same = |other: &&Route| other.collides(route) && other.exactness() == route.exactness();
        if let Some(other) = routes[..at].iter().find(same) {
            wrong.push(format!(
                "the routes `{}` and `{}` answer the same requests",
                other.path, route.path
            ));
        }
    }
    wrong
}
