//! Runs a recorded call again: the same function with the same input, whose imports are answered from the recording. What
//! comes back is checked as the host checks it; nothing is stored, and nothing is sent.

use std::sync::Arc;

use serde_json::Value;

use super::callee::Callee;
use super::failed::{Failure, micros};
use super::request::ValidatedCall;
use super::resolve::validated;
use super::{CallError, result};
use crate::plugins::Plugin;
use moothall_core::clock::Clock;
use moothall_core::effects::{Effects, Emitted, ProcessChange, ProcessStatus};
use moothall_core::ids::RequestId;
use moothall_guest::exports::{Perform, ProcessCall, ProcessInput};
use moothall_guest::{Export, Output, Replayed, Tape, returned};
use moothall_values::recording::{
    Difference, Noted, RecordedFailure, Recording, Returned, is_effect,
};

/// How a repeated call went.
#[derive(Debug)]
pub struct Repeated {
    pub returned: Returned,
    pub failure: Option<RecordedFailure>,
    /// The imports that the guest called.
    pub imports: Vec<Noted>,
    /// What the guest asked for and the recording does not have.
    pub missing: Vec<String>,
    /// Where it is not as it was: the first import, clocks, random bytes, the result, the failure.
    pub differences: Vec<Difference>,
    pub cpu_us: i64,
    /// The last lines that the guest logged.
    pub log: String,
}

impl Repeated {
    /// What it would have written, emitted or sent.
    pub fn effects(&self) -> impl Iterator<Item = &Noted> {
        self.imports.iter().filter(|noted| is_effect(&noted.import))
    }
}

/// Repeats a call with this plugin; the reason why not, if that cannot be done.
pub async fn repeat(plugin: &Arc<Plugin>, recording: &Arc<Recording>) -> Result<Repeated, String> {
    if let Some(reason) = &recording.not_replayable {
        return Err(format!("the call cannot be replayed: {reason}"));
    }
    let input = recording.input.as_ref();
    let input = input.ok_or_else(|| "the recording has no input".to_owned())?;
    let export = Export::of_invocation(input)?;
    let callee = match callee(plugin, export) {
        Ok(callee) => callee,
        Err(refusal) => return Ok(refused(recording, refusal)),
    };
    let request = RequestId::new(&Clock::system());
    let mut call = ValidatedCall::of_plugin(plugin.clone(), callee, request);
    let taken = call.take_for_guest(false);
    let (export, mut call_context) = taken.ok_or_else(|| "the call ran already".to_owned())?;
    let tape = Tape::replaying(recording.clone());
    call_context.config = recording.context.config.as_str().into();
    call_context.tape = Some(tape.clone());
    let ended = plugin.guest.call(export, plugin.context.clone(), call_context).await;
    let replayed = tape.take_replayed().unwrap_or_default();
    let returned = returned(&ended.result);
    let failure = match ended.result {
        Err(fault) => failure(&call, fault.into()),
        Ok(Err(refusal)) => failure(&call, CallError::Refused(refusal, None)),
        Ok(Ok(output)) => judged(&call, &output, &replayed).await,
    };
    let (cpu_us, log) = (micros(ended.cpu), ended.log);
    Ok(compared(recording, replayed, (returned, failure), (cpu_us, log)))
}

/// The function in this version of the plugin; why it would not be called, if it would not.
fn callee(plugin: &Plugin, export: Export) -> Result<Callee, RecordedFailure> {
    let gone = |what: &str| refusal("not_found", format!("the plugin has no {what}"));
    let invalid = |error: CallError| {
        let violations = match &error {
            CallError::InvalidParameters(violations) => violations.first(),
            _ => None,
        };
        let said = violations.map_or_else(|| error.to_string(), ToString::to_string);
        refusal("invalid_parameters", format!("the parameters are refused: {said}"))
    };
    match export {
        Export::Perform(Perform { slug, parameters, .. }) => {
            let action = plugin.actions.get(&*slug);
            let action = action.ok_or_else(|| gone(&format!("action `{slug}`")))?;
            let parameters = validated(&action.parameters, parameters).map_err(invalid)?;
            Ok(Callee::action(action.clone(), parameters))
        }
        Export::ProcessCall(ProcessCall { process, input }) => {
            let kind = plugin.processes.get(&*process);
            let kind = kind.ok_or_else(|| gone(&format!("process `{process}`")))?.clone();
            Ok(match input {
                ProcessInput::Start { parameters } => {
                    let parameters = validated(&kind.parameters, parameters).map_err(invalid)?;
                    Callee::start(kind, parameters)
                }
                ProcessInput::Update => Callee::update(kind),
                ProcessInput::Close => Callee::close(kind),
                ProcessInput::ReceiveWebhook(request) => Callee::process_webhook(kind, request),
            })
        }
        other => Ok(other.into()),
    }
}

fn refusal(code: &str, detail: String) -> RecordedFailure {
    RecordedFailure { code: code.to_owned(), detail }
}

/// A call that this version of the plugin would not get.
fn refused(recording: &Recording, refusal: RecordedFailure) -> Repeated {
    let outcome = (Returned::Fault(refusal.clone()), Some(refusal));
    compared(recording, Replayed::default(), outcome, (0, String::new()))
}

fn failure(call: &ValidatedCall, error: CallError) -> Option<RecordedFailure> {
    let failure = Failure::of(call, &error)?;
    Some(RecordedFailure { code: failure.code.into_owned(), detail: failure.detail })
}

/// What the host makes of an output, before it would store anything.
async fn judged(
    call: &ValidatedCall,
    output: &Output,
    replayed: &Replayed,
) -> Option<RecordedFailure> {
    let effects = effects(&replayed.imports);
    if let Err(fault) = result::check(call, output, &effects).await {
        return failure(call, fault.into());
    }
    let is_completed = effects.process.and_then(|process| process.status);
    let closes = call.is_close() && is_completed != Some(ProcessStatus::Completed);
    closes.then(|| failure(call, CallError::NotClosed(None))).flatten()
}

/// The effects that are checked: events, and the process's end.
fn effects(imports: &[Noted]) -> Effects {
    let mut effects = Effects::default();
    for noted in imports {
        let is_done = noted.answer.as_ref().is_some_and(|answer| answer.get("ok").is_some());
        let text = |at: usize| noted.arguments.get(at).and_then(Value::as_str).map(str::to_owned);
        match noted.import.as_str() {
            _ if !is_done => {}
            "events.emit" => effects.events.push(Emitted {
                id: String::new(),
                event_type: text(0).unwrap_or_default(),
                data: text(1).unwrap_or_default(),
                initiator: text(2),
                dedupe_key: text(3),
                time: 0,
            }),
            "process.set-status" => {
                let process: &mut ProcessChange = effects.process.get_or_insert_default();
                process.status = text(0).and_then(|status| ProcessStatus::parse(&status));
            }
            "process.set-outcome" => {
                effects.process.get_or_insert_default().outcome = text(0);
            }
            _ => {}
        }
    }
    effects
}

fn compared(
    recording: &Recording,
    replayed: Replayed,
    (returned, failure): (Returned, Option<RecordedFailure>),
    (cpu_us, log): (i64, String),
) -> Repeated {
    let Replayed { imports, difference, beyond, missing } = replayed;
    let result = Difference::of_results(&recording.returned, &returned);
    // A failure that the result shows already is no second difference.
    let failures = Difference::of_failures(recording.failure.as_ref(), failure.as_ref());
    let failures = failures.filter(|_| result.is_none());
    let differences = difference.into_iter().chain(beyond).chain(result).chain(failures).collect();
    Repeated { returned, failure, imports, missing, differences, cpu_us, log }
}
