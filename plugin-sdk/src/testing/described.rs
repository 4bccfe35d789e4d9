//! The manifest of the plugin under test, and the schemas in it. The host's own code reads both, with the
//! default limits, so that what passes here passes there.

use std::collections::BTreeMap;

use moothall_values::bounds::RESULT_BYTES;
use moothall_values::destination::HostPattern;
use moothall_values::manifest::{self, Manifest};
use moothall_values::schema::{Bounds, Budget, Room, Schema, SchemaLimits, Violation};
use serde_json::{Value, json};

use crate::{Error, Result};

/// A manifest, and every schema of it.
#[derive(Debug)]
pub struct Described {
    pub manifest: Manifest,
    pub config: Schema,
    pub settings: Schema,
    actions: BTreeMap<String, Io>,
    processes: BTreeMap<String, Io>,
    events: BTreeMap<String, Schema>,
    hooks: BTreeMap<String, Schema>,
}

/// The schemas of the parameters and the result of an action or a process.
#[derive(Debug)]
struct Io {
    parameters: Schema,
    result: Option<Schema>,
}

impl Described {
    /// Reads what the plugin describes; or returns the host's reasons to refuse it at load or to warn of it.
    pub fn of(text: &str) -> std::result::Result<Self, Vec<String>> {
        let manifest = Manifest::parse(text)?;
        let json: Value = serde_json::from_str(text).map_err(|error| vec![error.to_string()])?;
        let mut compiler = Compiler {
            manifest: &json,
            room: Room::new(&SchemaLimits::DEFAULT),
            wrong: Vec::new(),
        };
        let described = Self::compiled(manifest, &mut compiler);
        let wrong = [compiler.wrong, described.faults()].concat();
        if wrong.is_empty() { Ok(described) } else { Err(wrong) }
    }

    fn compiled(manifest: Manifest, compiler: &mut Compiler<'_>) -> Self {
        let any = |found: Option<Schema>| found.unwrap_or_else(Schema::any_object);
        Self {
            manifest,
            config: any(compiler.compile("/config_schema")),
            settings: any(compiler.compile("/settings_schema")),
            actions: compiler.io("actions", "slug", "response_schema"),
            processes: compiler.io("processes", "name", "outcome_schema"),
            events: compiler.by_name("events", "event_type", "schema"),
            hooks: compiler.by_name("hooks", "name", "input_schema"),
        }
    }

    /// What in the manifest contradicts itself or leads nowhere.
    fn faults(&self) -> Vec<String> {
        let manifest = &self.manifest;
        let hosts = manifest.requests.http.iter().map(|host| host.parse::<HostPattern>());
        let hosts = hosts.filter_map(|parsed| Some(format!("requests.http: {}", parsed.err()?)));
        let workers = manifest.workers.iter().flat_map(|worker| worker.faults());
        let hooks = manifest.hooks.iter().flat_map(|hook| hook.faults());
        let key = manifest.wrong_platform_id_key(&self.config);
        // A test sets the operator's settings later, if at all.
        let doubts = manifest::doubts(manifest, &self.config, None);
        hosts.chain(workers).chain(hooks).chain(key).chain(doubts).collect()
    }

    /// The parameters of an action, checked and with defaults filled in.
    pub fn take_action(&self, slug: &str, parameters: String) -> Result<String> {
        take(self.actions.get(slug), parameters)
    }

    /// The same for the start of a process.
    pub fn take_process(&self, name: &str, parameters: String) -> Result<String> {
        take(self.processes.get(name), parameters)
    }

    /// The data of a hook, checked. Nothing is known of another plugin's hook.
    pub fn take_hook(&self, name: &str, data: String) -> Result<String> {
        let Some(schema) = self.hooks.get(name) else { return Ok(data) };
        schema.accepted(data).map_err(|all| refused(&all))
    }

    /// Checks the result of an action.
    pub fn check_result(&self, slug: &str, result: &Value) -> Result<()> {
        let schema = self.actions.get(slug).and_then(|io| io.result.as_ref());
        hand_back(schema, &format!("the answer of the action '{slug}'"), result)
    }

    /// Checks the outcome of a process.
    pub fn check_outcome(&self, name: &str, outcome: &Value) -> Result<()> {
        let schema = self.processes.get(name).and_then(|io| io.result.as_ref());
        hand_back(schema, &format!("the outcome of the process '{name}'"), outcome)
    }

    /// Checks the data of an event.
    pub fn check_event(&self, event_type: &str, data: &Value) -> Result<()> {
        hand_back(self.events.get(event_type), &format!("the event '{event_type}'"), data)
    }
}

/// Compiles one schema after the other, within the limits for all of them together.
struct Compiler<'m> {
    manifest: &'m Value,
    room: Room,
    /// Why schemas were refused.
    wrong: Vec<String>,
}

impl Compiler<'_> {
    fn compile(&mut self, pointer: &str) -> Option<Schema> {
        let document = self.manifest.pointer(pointer)?;
        let bounds = Bounds::new(&SchemaLimits::DEFAULT, RESULT_BYTES);
        match Schema::compile(document, &bounds, &mut self.room) {
            Ok(schema) => Some(schema),
            Err(reasons) => {
                self.wrong.extend(reasons.iter().map(|reason| format!("{pointer}: {reason}")));
                None
            }
        }
    }

    fn io(&mut self, list: &str, name: &str, result: &str) -> BTreeMap<String, Io> {
        let mut all = BTreeMap::new();
        for (at, one) in self.list(list).iter().enumerate() {
            let parameters = self.compile(&format!("/{list}/{at}/parameters_schema"));
            let parameters = parameters.unwrap_or_else(Schema::any_object);
            let result = self.compile(&format!("/{list}/{at}/{result}"));
            all.insert(text(one, name), Io { parameters, result });
        }
        all
    }

    fn by_name(&mut self, list: &str, name: &str, schema: &str) -> BTreeMap<String, Schema> {
        let mut all = BTreeMap::new();
        for (at, one) in self.list(list).iter().enumerate() {
            let schema = self.compile(&format!("/{list}/{at}/{schema}"));
            all.extend(schema.map(|schema| (text(one, name), schema)));
        }
        all
    }

    fn list(&self, name: &str) -> Vec<Value> {
        self.manifest[name].as_array().cloned().unwrap_or_default()
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn take(io: Option<&Io>, parameters: String) -> Result<String> {
    let Some(io) = io else { return Ok(parameters) };
    io.parameters.accepted(parameters).map_err(|all| refused(&all))
}

fn hand_back(schema: Option<&Schema>, what: &str, value: &Value) -> Result<()> {
    let Some(schema) = schema else { return Ok(()) };
    schema.validate_within(value, &mut budget()).map_err(|violations| {
        Error::internal(format!("{what} breaks its schema: {}", first(&violations)))
    })
}

/// The budget for checking one value.
pub fn budget() -> Budget {
    Budget::of_ms(SchemaLimits::DEFAULT.validation_ms)
}

/// The error for a caller.
pub fn refused(violations: &[Violation]) -> Error {
    let listed: Vec<_> =
        violations.iter().map(|one| json!({ "path": one.path, "message": one.message })).collect();
    Error::invalid(first(violations)).with_details(listed)
}

fn first(violations: &[Violation]) -> String {
    violations.first().map(ToString::to_string).unwrap_or_default()
}
