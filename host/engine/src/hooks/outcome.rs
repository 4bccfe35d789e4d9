//! How the run of a hook ended, and the trace of its steps.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Value, json};

use super::exception::Exception;
use super::verdict::named;
use moothall_core::ids::CallId;
use moothall_values::json::Object;

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    Continue,
    Halt(Exception),
    /// A step failed that must not fail; with the failed call, if that is listed.
    Error(String, Option<CallId>),
    /// The host lacked something to ask a step. This does not count as the step's failure, which its settings may ignore:
    /// otherwise the step would be skipped while the host is busy.
    Exhausted(String),
}

/// The outcome of a hook's run.
pub struct Outcome {
    pub run_id: String,
    pub ended: Ended,
    /// The data as the steps left it, a JSON text; the original data if the run was halted.
    pub data: String,
    /// Steps that a dry run did not ask, by their ids.
    pub not_asked: Vec<String>,
    pub(super) trace: Vec<StepTrace>,
}

/// How one step ended: an entry of the trace of its run.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct StepTrace {
    pub step: String,
    pub status: String,
    pub ms: u64,
    pub changed: Vec<String>,
    pub warnings: Vec<String>,
}

impl StepTrace {
    /// Warns of exceptions that the hook does not have.
    pub fn warn_of(&mut self, unknown: &[String]) {
        if !unknown.is_empty() {
            self.warnings.push(format!("the hook has no exception: {}", named(unknown)));
        }
    }
}

/// The JSON that `shown` writes.
impl JsonSchema for Outcome {
    fn schema_name() -> Cow<'static, str> {
        "HookOutcome".into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "How the run of a hook ended.",
            "type": "object",
            "required": ["run_id", "outcome", "data", "exception", "trace"],
            "properties": {
                "run_id": { "type": "string" },
                "outcome": { "type": "string", "enum": ["continue", "halt", "error"] },
                "data": { "description": "As the steps left it", "type": "object" },
                "exception": { "description": "What a step halted it with",
                    "anyOf": [schemas.subschema_for::<Exception>(), { "type": "null" }] },
                "trace": { "type": "array", "items": schemas.subschema_for::<StepTrace>() },
            },
        })
    }
}

impl Outcome {
    /// The outcome as a JSON text.
    pub fn shown(&self) -> String {
        let (outcome, exception) = match &self.ended {
            Ended::Continue => ("continue", Value::Null),
            Ended::Halt(exception) => ("halt", exception.shown()),
            Ended::Error(..) | Ended::Exhausted(_) => ("error", Value::Null),
        };
        Object::new()
            .with("run_id", self.run_id.as_str())
            .with("outcome", outcome)
            .carrying("data", &self.data)
            .with("exception", exception)
            .with("trace", json!(self.trace))
            .end()
    }
}
