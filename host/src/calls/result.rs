//! What a guest handed over, checked before any of it is stored: results, events, outcomes.

use serde::de::IgnoredAny;
use serde_json::Value;

use super::ValidatedCall;
use crate::effects::{Effects, ProcessStatus};
use crate::guest::{Fault, Output, Verdict};
use crate::plugins::{Schema, Violation};

pub fn check(call: &ValidatedCall, output: &Output, effects: &Effects) -> Result<(), Fault> {
    let limit = call.plugin().terms.limits.result_bytes;
    match output {
        // A URL and no JSON: whoever asked for it checks it.
        Output::Text(Some(url)) if call.is_for_url() && url.len() <= limit => {}
        Output::Text(text) => check_text(text.as_deref(), call.response_schema(), limit)?,
        Output::Response(response) => check_response(response.as_ref(), limit)?,
        Output::Routed(routed) => check_response(routed.response.as_ref(), limit)?,
        Output::Verdict(Verdict::Update(text) | Verdict::Halt(text)) => {
            check_text(Some(text), None, limit)?;
        }
        Output::Nothing | Output::Verdict(_) | Output::Enabled(_) => {}
    }
    for event in &effects.events {
        let Some(Some(schema)) = call.plugin().events.get(&event.event_type) else { continue };
        check_schema(&event.data, schema, || format!("event `{}`", event.event_type))?;
    }
    check_outcome(call, effects)
}

fn check_text(text: Option<&str>, schema: Option<&Schema>, limit: usize) -> Result<(), Fault> {
    let text = text.unwrap_or("null");
    if text.len() > limit {
        return Err(Fault::Limit(format!("{limit} bytes of result")));
    }
    let Some(schema) = schema else {
        return serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(|error| {
            Fault::BadOutput(format!("the plugin's result is not JSON: {error}"))
        });
    };
    let value: Value = serde_json::from_str(text)
        .map_err(|error| Fault::BadOutput(format!("the plugin's result is not JSON: {error}")))?;
    schema.validate(&value).map_err(|violations| {
        Fault::BadOutput(format!(
            "the plugin's result breaks its own response_schema at {}",
            first(&violations)
        ))
    })
}

fn check_response(response: Option<&crate::web::Response>, limit: usize) -> Result<(), Fault> {
    let Some(response) = response else { return Ok(()) };
    if response.body.len() > limit {
        return Err(Fault::Limit(format!("{limit} bytes of result")));
    }
    if !(200..600).contains(&response.status) {
        let message =
            format!("the plugin responded with status {}, which is no answer", response.status);
        return Err(Fault::BadOutput(message));
    }
    Ok(())
}

/// A completed process's outcome is what its type promises.
fn check_outcome(call: &ValidatedCall, effects: &Effects) -> Result<(), Fault> {
    let (Some(schema), Some(process)) = (call.outcome_schema(), &effects.process) else {
        return Ok(());
    };
    match &process.outcome {
        Some(outcome) if process.status == Some(ProcessStatus::Completed) => {
            check_schema(outcome, schema, || "outcome".to_owned())
        }
        _ => Ok(()),
    }
}

fn check_schema(text: &str, schema: &Schema, what: impl Fn() -> String) -> Result<(), Fault> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        Fault::BadOutput(format!("the plugin's {} is not JSON: {error}", what()))
    })?;
    schema.validate(&value).map_err(|violations| {
        Fault::BadOutput(format!(
            "the plugin's {} breaks its own schema at {}",
            what(),
            first(&violations)
        ))
    })
}

fn first(violations: &[Violation]) -> String {
    violations.first().map(|v| format!("{}: {}", v.path, v.message)).unwrap_or_default()
}
