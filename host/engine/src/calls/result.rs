//! Checks what a guest handed over before any of it is stored: results, events, outcomes.

use serde_json::Value;

use super::ValidatedCall;
use crate::plugins::{Budget, Schema, Violation};
use moothall_core::config::Limits;
use moothall_core::effects::{Effects, ProcessStatus};
use moothall_core::web;
use moothall_guest::{Fault, Output, Verdict, carried};

/// How many bytes are checked before the thread's other tasks may run.
const TURN_BYTES: usize = 256 << 10;

pub async fn check(call: &ValidatedCall, output: &Output, effects: &Effects) -> Result<(), Fault> {
    let limits = &call.plugin().context.limits;
    let limit = limits.result_bytes;
    // One budget for everything that the call hands over, because a hundred events cost a hundred times as much.
    let mut budget = Budget::of_ms(limits.validation_ms);
    match output {
        // The caller checks that it is a URL.
        Output::Url(url) => check_size(url, limit)?,
        Output::Text(text) => {
            check_text(text.as_deref(), call.response_schema(), limit, &mut budget)?;
        }
        Output::Response(response) => check_response(response.as_ref(), limits)?,
        Output::Routed(routed) => check_response(routed.response.as_ref(), limits)?,
        Output::Verdict(Verdict::Update(text)) => {
            check_text(Some(text), None, limit, &mut budget)?;
            check_object("update", text)?;
        }
        Output::Verdict(Verdict::Halt(text)) => {
            check_text(Some(text), None, limit, &mut budget)?;
            check_object("exception", text)?;
        }
        Output::Nothing | Output::Verdict(_) | Output::Enabled(_) => {}
    }
    call.judge(output)?;
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

fn check_size(text: &str, limit: usize) -> Result<(), Fault> {
    if text.len() > limit {
        return Err(Fault::Limit(format!("{limit} bytes of result")));
    }
    Ok(())
}

fn check_text(
    text: Option<&str>,
    schema: Option<&Schema>,
    limit: usize,
    budget: &mut Budget,
) -> Result<(), Fault> {
    let text = text.unwrap_or("null");
    check_size(text, limit)?;
    carried(|| "the plugin's result".to_owned(), text)?;
    let Some(schema) = schema else { return Ok(()) };
    let value: Value = serde_json::from_str(text)
        .map_err(|error| Fault::BadOutput(format!("the plugin's result is not JSON: {error}")))?;
    schema.validate_within(&value, budget).map_err(|violations| {
        Fault::BadOutput(format!(
            "the plugin's result breaks its own response_schema: {}",
            first(&violations)
        ))
    })
}

/// Checks a text that is known to be JSON.
fn check_object(what: &str, text: &str) -> Result<(), Fault> {
    if text.trim_start().starts_with('{') {
        return Ok(());
    }
    Err(Fault::BadOutput(format!("the plugin's {what} is not an object")))
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

/// Checks the outcome of a process that the call completed.
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
            "the plugin's {} breaks its own schema: {}",
            what(),
            first(&violations)
        ))
    })
}

fn first(violations: &[Violation]) -> String {
    violations.first().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, headers: usize, bytes: usize) -> web::Response {
        let headers = (0..headers).map(|n| (format!("x-{n}"), "v".to_owned())).collect();
        web::Response { status, headers, body: vec![0; bytes] }
    }

    #[test]
    fn a_response_is_bounded_in_status_headers_and_bytes() {
        let limits = Limits {
            result_bytes: 100,
            response_headers: 3,
            response_header_bytes: 12,
            ..Limits::default()
        };
        let checked = |one: &web::Response| check_response(Some(one), &limits);
        checked(&response(200, 3, 100)).unwrap();
        checked(&response(599, 0, 0)).unwrap();
        for (wrong, said) in [
            (response(200, 0, 101), "100 bytes of result"),
            (response(200, 4, 0), "response_headers"),
            (response(199, 0, 0), "status 199"),
            (response(600, 0, 0), "status 600"),
        ] {
            let fault = checked(&wrong).unwrap_err().to_string();
            assert!(fault.contains(said), "{fault}");
        }
        let long =
            web::Response { headers: vec![("x".into(), "v".repeat(12))], ..response(200, 0, 0) };
        let fault = checked(&long).unwrap_err().to_string();
        assert!(fault.contains("response_header_bytes"), "{fault}");
    }

    #[test]
    fn a_result_is_json_of_a_bounded_size() {
        let checked = |text| check_text(text, None, 10, &mut Budget::of_ms(50));
        checked(None).unwrap();
        checked(Some("[12345678]")).unwrap();
        assert!(matches!(checked(Some("[123456789]")), Err(Fault::Limit(_))));
        assert!(matches!(checked(Some("{")), Err(Fault::BadOutput(_))));
        assert!(check_object("update", " {}").is_ok());
        assert!(matches!(check_object("update", "[]"), Err(Fault::BadOutput(_))));
    }
}
