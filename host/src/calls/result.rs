//! What a guest handed over, checked before any of it is stored: results, events, outcomes.

use serde::de::IgnoredAny;
use serde_json::Value;

use super::ValidatedCall;
use crate::config::Limits;
use crate::effects::{Effects, ProcessStatus};
use crate::guest::{Fault, Output, Verdict};
use crate::plugins::{Budget, Schema, Violation};
use crate::web;

/// Bytes that are checked before others have their turn on the thread.
const TURN_BYTES: usize = 256 << 10;

pub async fn check(call: &ValidatedCall, output: &Output, effects: &Effects) -> Result<(), Fault> {
    let limits = &call.plugin().terms.limits;
    let limit = limits.result_bytes;
    // One for all that the call hands over: a hundred events are a hundred times as much to check.
    let mut budget = Budget::of_ms(limits.validation_ms);
    match output {
        // A URL and no JSON: whoever asked for it checks it.
        Output::Text(Some(url)) if call.is_for_url() && url.len() <= limit => {}
        Output::Text(text) => {
            check_text(text.as_deref(), call.response_schema(), limit, &mut budget)?;
        }
        Output::Response(response) => check_response(response.as_ref(), limits)?,
        Output::Routed(routed) => check_response(routed.response.as_ref(), limits)?,
        Output::Verdict(Verdict::Update(text) | Verdict::Halt(text)) => {
            check_text(Some(text), None, limit, &mut budget)?;
        }
        Output::Nothing | Output::Verdict(_) | Output::Enabled(_) => {}
    }
    let mut checked = 0;
    for event in &effects.events {
        let Some(Some(schema)) = call.plugin().events.get(&event.event_type) else { continue };
        let what = || format!("event `{}`", event.event_type);
        check_schema(&event.data, schema, what, &mut budget)?;
        checked += event.data.len();
        if checked >= TURN_BYTES {
            checked = 0;
            tokio::task::yield_now().await;
        }
    }
    check_outcome(call, effects, &mut budget)
}

fn check_text(
    text: Option<&str>,
    schema: Option<&Schema>,
    limit: usize,
    budget: &mut Budget,
) -> Result<(), Fault> {
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
    schema.validate_within(&value, budget).map_err(|violations| {
        Fault::BadOutput(format!(
            "the plugin's result breaks its own response_schema at {}",
            first(&violations)
        ))
    })
}

fn check_response(response: Option<&web::Response>, limits: &Limits) -> Result<(), Fault> {
    let Some(response) = response else { return Ok(()) };
    if response.body.len() > limits.result_bytes {
        return Err(Fault::Limit(format!("{} bytes of result", limits.result_bytes)));
    }
    if response.headers.len() > limits.response_headers {
        let most = limits.response_headers;
        return Err(Fault::Limit(format!("{most} headers of its response (response_headers)")));
    }
    let bytes: usize = response.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > limits.response_header_bytes {
        let most = limits.response_header_bytes;
        let message = format!("{most} bytes of headers of its response (response_header_bytes)");
        return Err(Fault::Limit(message));
    }
    if !(200..600).contains(&response.status) {
        let message =
            format!("the plugin responded with status {}, which is no answer", response.status);
        return Err(Fault::BadOutput(message));
    }
    Ok(())
}

/// A completed process's outcome is what its type promises.
fn check_outcome(
    call: &ValidatedCall,
    effects: &Effects,
    budget: &mut Budget,
) -> Result<(), Fault> {
    let (Some(schema), Some(process)) = (call.outcome_schema(), &effects.process) else {
        return Ok(());
    };
    match &process.outcome {
        Some(outcome) if process.status == Some(ProcessStatus::Completed) => {
            check_schema(outcome, schema, || "outcome".to_owned(), budget)
        }
        _ => Ok(()),
    }
}

fn check_schema(
    text: &str,
    schema: &Schema,
    what: impl Fn() -> String,
    budget: &mut Budget,
) -> Result<(), Fault> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        Fault::BadOutput(format!("the plugin's {} is not JSON: {error}", what()))
    })?;
    schema.validate_within(&value, budget).map_err(|violations| {
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
