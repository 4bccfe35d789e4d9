//! The JSON body of a failure (RFC 9457).

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::code::Code;
use moothall_engine::plugins::Violation;

/// A failure.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub struct ProblemBody<'a> {
    pub r#type: String,
    pub title: &'a str,
    pub status: u16,
    /// One sentence for a person.
    pub detail: &'a str,
    /// For programs.
    #[schemars(schema_with = "codes")]
    pub code: &'a str,
    pub request_id: &'a str,
    /// The places that are wrong.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub errors: &'a [Violation],
    /// Set by a plugin or a hook.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Value")]
    pub details: Option<&'a RawValue>,
    /// The failed call that caused it, as in `/api/internal/calls`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub call_id: Option<&'a str>,
}

/// The host's own codes, and a plugin's.
fn codes(_: &mut SchemaGenerator) -> Schema {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    json_schema!({ "anyOf": [
        { "type": "string", "enum": codes },
        { "description": "A kind of the plugin's own", "type": "string", "pattern": "^plugin:" },
    ] })
}
