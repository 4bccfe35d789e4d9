//! A run: the steps one after the other, in this order and no other; see events.md, 3.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::exception::Exception;
use super::http_step::StepAnswer;
use super::merge::without;
use super::plugin_step::NoVerdict;
use super::step::{Step, StepMode, Target};
use super::verdict::{Given, Judged, Updated, named, unknown};
use super::{Hook, Hooks};
use crate::communities::Community;
use moothall_core::ids::{CallId, RequestId, unguessable_ulid};
use moothall_egress::EgressError;
use moothall_values::json::{Document, Object};

/// What a hook is run with.
pub struct Run {
    pub hook: Arc<Hook>,
    /// None: of no community.
    pub community: Option<Arc<Community>>,
    /// A JSON text that was checked.
    pub data: String,
    pub request_id: RequestId,
    /// False: a dry run from which nothing leaves the host. Webfilters are not asked then.
    pub may_send: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    Continue,
    Halt(Exception),
    /// A step that may not fail did; with the failed call, where it is listed.
    Error(String, Option<CallId>),
    /// The host was out of something and could not ask a step. Not the step's failure, whatever its settings say
    /// of that: what it guards would be open while the host is busy.
    Exhausted(String),
}

pub struct Outcome {
    pub run_id: String,
    pub ended: Ended,
    /// As the steps left it, a JSON text; as it was, if the run was halted.
    pub data: String,
    /// Steps that a dry run did not ask, by their ids.
    pub not_asked: Vec<String>,
    trace: Vec<StepTrace>,
}

/// How one step ended: an entry of the trace of its run.
#[derive(Default, Serialize, JsonSchema)]
struct StepTrace {
    step: String,
    status: String,
    ms: u64,
    changed: Vec<String>,
    warnings: Vec<String>,
}

impl StepTrace {
    /// Of exceptions that the hook does not have.
    fn warn_of(&mut self, unknown: &[String]) {
        if !unknown.is_empty() {
            self.warnings.push(format!("the hook has no exception: {}", named(unknown)));
        }
    }
}

/// What `shown` writes.
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
    /// A JSON text.
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

/// A run that is under way.
struct Running {
    run_id: String,
    original: Arc<Document>,
    data: Arc<Document>,
    /// The data and an update of it together.
    most_bytes: usize,
    /// By name; the last of each.
    collected: BTreeMap<String, Exception>,
    not_asked: Vec<String>,
    trace: Vec<StepTrace>,
}

/// What follows a step.
enum Then {
    Next,
    Stop,
    Halt(Exception),
    /// With the failed call, where it is listed.
    Fail(String, Option<CallId>),
    Exhausted(String),
}

impl Hooks {
    /// Runs it. Whatever could not be asked or failed is in the log.
    pub async fn run(&self, run: Run) -> Outcome {
        let outcome = self.run_steps(&run).await;
        let (hook, request) = (run.hook.point.manifest.name.as_str(), run.request_id.as_str());
        let id = outcome.run_id.as_str();
        match &outcome.ended {
            Ended::Continue | Ended::Halt(_) => {}
            Ended::Error(reason, call) => {
                let call = call.as_ref().map(CallId::as_str);
                tracing::warn!(hook, request, run = id, call, "a hook's run failed: {reason}");
            }
            Ended::Exhausted(reason) => {
                tracing::error!(hook, request, run = id, "a hook could not be run: {reason}");
            }
        }
        outcome
    }

    async fn run_steps(&self, run: &Run) -> Outcome {
        let point = run.hook.point.clone();
        let run_id = unguessable_ulid(&self.context.clock).unwrap_or_default();
        let run_id = format!("run_{run_id}");
        let original = match Document::read(run.data.clone()) {
            Ok(original) => Arc::new(original),
            Err(refusal) => {
                let ended = Ended::Error(refusal.of("the hook's data"), None);
                let (data, not_asked) = (run.data.clone(), Vec::new());
                return Outcome { run_id, ended, data, not_asked, trace: Vec::new() };
            }
        };
        let mut running = Running {
            run_id,
            data: original.clone(),
            original,
            most_bytes: self.schemas.body_bytes.saturating_mul(2),
            collected: BTreeMap::new(),
            not_asked: Vec::new(),
            trace: Vec::new(),
        };
        let end = Instant::now() + Duration::from_millis(point.manifest.budget_ms);
        let ended = self.steps(run, end, &mut running).await;
        let ended = ended.unwrap_or_else(|| running.at_the_end(&point.manifest.exceptions));
        running.end(ended)
    }

    /// One step after the other; how that ended, unless they all passed or one stopped.
    async fn steps(&self, run: &Run, end: Instant, running: &mut Running) -> Option<Ended> {
        let community = run.community.as_ref().map(|one| one.names.id);
        for step in run.hook.steps.iter().filter(|step| step.is_for(community)) {
            let began = Instant::now();
            let mut trace = StepTrace { step: step.id.clone(), ..StepTrace::default() };
            let then = self.one(run, step, end, running, &mut trace).await;
            trace.ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            running.trace.push(trace);
            match then {
                Then::Next => {}
                Then::Stop => return None,
                Then::Halt(exception) => return Some(Ended::Halt(exception)),
                Then::Fail(reason, call) => return Some(Ended::Error(reason, call)),
                Then::Exhausted(reason) => return Some(Ended::Exhausted(reason)),
            }
        }
        None
    }

    async fn one(
        &self,
        run: &Run,
        step: &Arc<Step>,
        end: Instant,
        running: &mut Running,
        trace: &mut StepTrace,
    ) -> Then {
        if !run.may_send && matches!(step.target, Target::Http(_)) {
            "not asked".clone_into(&mut trace.status);
            running.not_asked.push(step.id.clone());
            return Then::Next;
        }
        let left = end.saturating_duration_since(Instant::now());
        let timeout = left.min(Duration::from_millis(step.settings.timeout_ms));
        if timeout.is_zero() {
            let reason = "the hook's time was over";
            // Nobody answered in time, which may halt: a slow step must not open what this one guards.
            if matches!(step.target, Target::Http(_)) {
                return unreachable_step(run, step, reason, trace);
            }
            "skipped".clone_into(&mut trace.status);
            return step.failed(trace, reason.to_owned(), None);
        }
        let given = running.given(run, step);
        match &step.target {
            Target::Http(url) => {
                let of = (&*run.hook.point, &**step, url.as_str());
                match self.post(of, &running.run_id, &given.seen, timeout).await {
                    Ok(answer) => running.answered(step, &given, answer, trace),
                    // Whoever caused the run must not get by with what cannot be sent.
                    Err(EgressError::Invalid(reason)) => {
                        "failed".clone_into(&mut trace.status);
                        trace.warnings.push(reason.clone());
                        Then::Fail(format!("step {} cannot be asked: {reason}", step.id), None)
                    }
                    Err(error @ EgressError::Exhausted(_)) => {
                        step.not_asked(trace, &error.to_string())
                    }
                    Err(error) => unreachable_step(run, step, &error.to_string(), trace),
                }
            }
            Target::Plugin(plugin) => {
                let asked = self.ask(run, plugin, given, timeout);
                match tokio::time::timeout(timeout, asked).await {
                    Ok(Ok(Some(verdict))) => running.judged(verdict, trace),
                    Ok(Ok(None)) => {
                        "not enabled".clone_into(&mut trace.status);
                        Then::Next
                    }
                    Ok(Err(NoVerdict::Exhausted(error))) => step.not_asked(trace, &error),
                    Ok(Err(NoVerdict::Failed(error, call))) => {
                        "failed".clone_into(&mut trace.status);
                        step.failed(trace, error, call)
                    }
                    Err(_) => {
                        "failed".clone_into(&mut trace.status);
                        step.failed(trace, "it took too long".to_owned(), None)
                    }
                }
            }
        }
    }
}

/// Nobody answered.
fn unreachable_step(run: &Run, step: &Step, error: &str, trace: &mut StepTrace) -> Then {
    "unreachable".clone_into(&mut trace.status);
    trace.warnings.push(error.to_owned());
    let settings = &step.settings;
    match run.hook.point.halts_with() {
        Some(name) if settings.halt_on_request_exception => {
            let redirect = &settings.redirect_on_request_exception;
            // What went wrong is in the trace: whoever caused the run need not know our addresses.
            let message = "a step of the hook did not answer".to_owned();
            Then::Halt(Exception::of_setting(name, message, redirect, None))
        }
        _ => Then::Next,
    }
}

impl Step {
    fn not_asked(&self, trace: &mut StepTrace, reason: &str) -> Then {
        "not asked".clone_into(&mut trace.status);
        trace.warnings.push(reason.to_owned());
        Then::Exhausted(format!("step {} could not be asked: {reason}", self.id))
    }

    fn failed(&self, trace: &mut StepTrace, reason: String, call: Option<CallId>) -> Then {
        trace.warnings.push(reason.clone());
        if self.settings.fail_silently {
            Then::Next
        } else {
            Then::Fail(format!("step {} failed: {reason}", self.id), call)
        }
    }
}

impl Running {
    /// What the step's answer is measured by.
    fn given(&self, run: &Run, step: &Step) -> Given {
        let base = match step.settings.mode {
            StepMode::Accumulate => &self.data,
            StepMode::Broadcast => &self.original,
        };
        let sensitive = &run.hook.point.manifest.sensitive;
        let seen = match sensitive.as_slice() {
            [] => base.clone(),
            some => Arc::new(base.became(without(base.value(), some), None)),
        };
        Given {
            point: run.hook.point.clone(),
            settings: step.settings.clone(),
            data: self.data.clone(),
            seen,
            most_bytes: self.most_bytes,
        }
    }

    fn answered(
        &mut self,
        step: &Step,
        given: &Given,
        answer: StepAnswer,
        trace: &mut StepTrace,
    ) -> Then {
        trace.status = answer.status.to_string();
        trace.warnings.extend(answer.warnings);
        let settings = &step.settings;
        let halt = match answer.status {
            400..=499 if settings.halt_on_4xx => Some(&settings.redirect_on_4xx),
            500..=599 if settings.halt_on_5xx => Some(&settings.redirect_on_5xx),
            _ => None,
        };
        if let (Some(redirect), Some(name)) = (halt, given.point.halts_with()) {
            let message = "a step of the hook refused".to_owned();
            let status = Some(answer.status);
            return Then::Halt(Exception::of_setting(name, message, redirect, status));
        }
        self.collect(given, &answer.exception, trace);
        match answer.data.map(|data| given.updated(&data)) {
            None => Then::Next,
            Some(Ok(updated)) => self.update(updated, trace),
            Some(Err(reason)) => step.failed(trace, reason, None),
        }
    }

    fn judged(&mut self, verdict: Judged, trace: &mut StepTrace) -> Then {
        let status = match &verdict {
            Judged::Pass => "pass",
            Judged::Stop => "stop",
            Judged::Update(_) => "update",
            Judged::Halt(..) => "halt",
        };
        status.clone_into(&mut trace.status);
        match verdict {
            Judged::Pass | Judged::Halt(None, _) => Then::Next,
            Judged::Stop => Then::Stop,
            Judged::Update(updated) => self.update(updated, trace),
            Judged::Halt(Some(exception), unknown) => {
                trace.warn_of(&unknown);
                Then::Halt(exception)
            }
        }
    }

    fn update(&mut self, updated: Updated, trace: &mut StepTrace) -> Then {
        if let Some(data) = updated.data {
            self.data = Arc::new(data);
        }
        trace.changed = updated.changed;
        if !updated.refused.is_empty() {
            let places = named(&updated.refused);
            trace.warnings.push(format!("the hook does not let steps change: {places}"));
        }
        Then::Next
    }

    fn collect(&mut self, given: &Given, exception: &Map<String, Value>, trace: &mut StepTrace) {
        if given.settings.disable_halt {
            return;
        }
        let known = &given.point.manifest.exceptions;
        for (name, value) in exception.iter().filter(|(name, _)| known.contains(name)) {
            self.collected.insert(name.clone(), Exception::parse(name, value));
        }
        trace.warn_of(&unknown(exception, known));
    }

    /// The first declared exception that was collected halts.
    fn at_the_end(&mut self, declared: &[String]) -> Ended {
        let first = declared.iter().find_map(|name| self.collected.remove(name));
        first.map_or(Ended::Continue, Ended::Halt)
    }

    fn end(self, ended: Ended) -> Outcome {
        let Self { run_id, original, data, not_asked, trace, .. } = self;
        // A halted run changes nothing.
        let data = if ended == Ended::Continue { data } else { original };
        Outcome { run_id, ended, data: Arc::unwrap_or_clone(data).into_text(), not_asked, trace }
    }
}
