//! A run: the steps one after the other, in this order and no other; see events.md, 3.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::exception::Exception;
use super::http_step::Answer;
use super::merge::{apply, restore, without};
use super::step::{Merge, Mode, Step, Target};
use super::{Hook, Hooks};
use crate::calls::{self, CallError, What};
use crate::communities::Community;
use crate::egress::EgressError;
use crate::guest::{Blame, Output, Verdict, cut};
use crate::ids::{RequestId, unguessable_ulid};

/// Names of one step's answer that a warning repeats, and how much of each, in bytes.
const NAMES: usize = 20;
const NAME_BYTES: usize = 100;

/// What a hook is run with.
pub struct Run {
    pub hook: Arc<Hook>,
    /// None: of no community.
    pub community: Option<Arc<Community>>,
    pub data: Value,
    pub request_id: RequestId,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    Continue,
    Halt(Exception),
    /// A step that may not fail did.
    Error(String),
    /// The host was out of something and could not ask a step. Not the step's failure, whatever its settings say
    /// of that: what it guards would be open while the host is busy.
    Exhausted(String),
}

pub struct Outcome {
    pub run_id: String,
    pub ended: Ended,
    /// As the steps left it; as it was, if the run was halted.
    pub data: Value,
    trace: Vec<Trace>,
}

#[derive(Default)]
struct Trace {
    step: String,
    status: String,
    ms: u64,
    changed: Vec<String>,
    warnings: Vec<String>,
}

impl Outcome {
    pub fn shown(&self) -> Value {
        let (outcome, exception) = match &self.ended {
            Ended::Continue => ("continue", Value::Null),
            Ended::Halt(exception) => ("halt", exception.shown()),
            Ended::Error(_) | Ended::Exhausted(_) => ("error", Value::Null),
        };
        let trace = self.trace.iter().map(|one| {
            json!({
                "step": one.step,
                "status": one.status,
                "ms": one.ms,
                "changed": one.changed,
                "warnings": one.warnings,
            })
        });
        json!({
            "run_id": self.run_id,
            "outcome": outcome,
            "data": self.data,
            "exception": exception,
            "trace": trace.collect::<Vec<_>>(),
        })
    }
}

/// A run that is under way.
struct Running {
    run_id: String,
    original: Value,
    data: Value,
    /// The data and an update of it together.
    most_bytes: usize,
    /// By name; the last of each.
    collected: BTreeMap<String, Exception>,
    trace: Vec<Trace>,
}

/// What follows a step.
enum Then {
    Next,
    Stop,
    Halt(Exception),
    Fail(String),
    Exhausted(String),
}

/// Why a plugin has no verdict.
enum NoVerdict {
    /// It failed.
    Failed(String),
    /// The host could not ask it.
    Exhausted(String),
}

impl Hooks {
    pub async fn run(&self, run: Run) -> Outcome {
        let point = run.hook.point.clone();
        let run_id = unguessable_ulid(&self.calls.clock).unwrap_or_default();
        let mut running = Running {
            run_id: format!("run_{run_id}"),
            original: run.data.clone(),
            data: run.data.clone(),
            most_bytes: self.schemas.body_bytes.saturating_mul(2),
            collected: BTreeMap::new(),
            trace: Vec::new(),
        };
        let end = Instant::now() + Duration::from_millis(point.manifest.budget_ms);
        let community = run.community.as_ref().map(|one| one.names.id);
        let mut ended = None;
        for step in run.hook.steps.iter().filter(|step| step.is_for(community)) {
            let began = Instant::now();
            let mut trace = Trace { step: step.id.clone(), ..Trace::default() };
            let then = self.one(&run, step, end, &mut running, &mut trace).await;
            trace.ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            running.trace.push(trace);
            match then {
                Then::Next => {}
                Then::Stop => break,
                Then::Halt(exception) => {
                    ended = Some(Ended::Halt(exception));
                    break;
                }
                Then::Fail(reason) => {
                    ended = Some(Ended::Error(reason));
                    break;
                }
                Then::Exhausted(reason) => {
                    ended = Some(Ended::Exhausted(reason));
                    break;
                }
            }
        }
        let ended = ended.unwrap_or_else(|| running.at_the_end(&point.manifest.exceptions));
        running.end(ended, &point.manifest.sensitive)
    }

    async fn one(
        &self,
        run: &Run,
        step: &Arc<Step>,
        end: Instant,
        running: &mut Running,
        trace: &mut Trace,
    ) -> Then {
        let left = end.saturating_duration_since(Instant::now());
        let timeout = left.min(Duration::from_millis(step.settings.timeout_ms));
        if timeout.is_zero() {
            let reason = "the hook's time was over";
            // Nobody answered in time, which may halt: a slow step must not open what this one guards.
            if matches!(step.target, Target::Http(_)) {
                return unreachable_step(run, step, reason, trace);
            }
            "skipped".clone_into(&mut trace.status);
            return step.failed(trace, reason.to_owned());
        }
        let manifest = &run.hook.point.manifest;
        let base = match step.settings.mode {
            Mode::Accumulate => &running.data,
            Mode::Broadcast => &running.original,
        };
        let seen = without(base, &manifest.sensitive);
        match &step.target {
            Target::Http(url) => {
                let of = (&*run.hook.point, &**step, url.as_str());
                match self.post(of, &running.run_id, &seen, timeout).await {
                    Ok(answer) => running.answered(run, step, answer, trace),
                    // Whoever caused the run must not get by with what cannot be sent.
                    Err(EgressError::Invalid(reason)) => {
                        "failed".clone_into(&mut trace.status);
                        trace.warnings.push(reason.clone());
                        Then::Fail(format!("step {} cannot be asked: {reason}", step.id))
                    }
                    Err(error @ EgressError::Exhausted(_)) => {
                        step.not_asked(trace, &error.to_string())
                    }
                    Err(error) => unreachable_step(run, step, &error.to_string(), trace),
                }
            }
            Target::Plugin(plugin) => {
                let asked = self.ask(run, plugin, seen.to_string(), timeout);
                match tokio::time::timeout(timeout, asked).await {
                    Ok(Ok(Some(verdict))) => running.judged(run, step, verdict, trace),
                    Ok(Ok(None)) => {
                        "not enabled".clone_into(&mut trace.status);
                        Then::Next
                    }
                    Ok(Err(NoVerdict::Exhausted(error))) => step.not_asked(trace, &error),
                    Ok(Err(NoVerdict::Failed(error))) => {
                        "failed".clone_into(&mut trace.status);
                        step.failed(trace, error)
                    }
                    Err(_) => {
                        "failed".clone_into(&mut trace.status);
                        step.failed(trace, "it took too long".to_owned())
                    }
                }
            }
        }
    }

    /// None: the plugin is not enabled there.
    async fn ask(
        &self,
        run: &Run,
        plugin: &str,
        data: String,
        timeout: Duration,
    ) -> Result<Option<Verdict>, NoVerdict> {
        let Some(serving) = self.calls.plugins.get(plugin) else {
            let reason = format!("the plugin '{plugin}' does not serve now");
            return Err(NoVerdict::Failed(reason));
        };
        // One that was added through the API stays when the grant goes.
        run.hook.admits(&serving).map_err(NoVerdict::Failed)?;
        let community = match serving.is_of_host() {
            true => self.calls.communities.of_host(),
            false => run.community.clone(),
        };
        let of_plugin = |one: &&Arc<crate::instance::Instance>| one.plugin.as_str() == plugin;
        let instance =
            community.as_ref().and_then(|one| one.instances.iter().find(of_plugin).cloned());
        let Some(instance) = instance else { return Ok(None) };
        let what = What::Filter { hook: run.hook.point.manifest.name.as_str().into(), data };
        let call = self.calls.on(serving, instance, what, run.request_id.clone()).await;
        let call = call.map_err(NoVerdict::of)?;
        let wall = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).max(1);
        let answer = self.calls.run(call.within(wall), calls::Mode::Collect).await;
        match answer.map_err(NoVerdict::of)?.output {
            Output::Verdict(verdict) => Ok(Some(verdict)),
            _ => Err(NoVerdict::Failed("it answered no verdict".to_owned())),
        }
    }
}

/// The first of what a step named: it may name as many as it likes.
fn named(names: &[String]) -> String {
    let first = names.iter().take(NAMES).map(|name| cut(name.clone(), NAME_BYTES));
    let first = first.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// Nobody answered.
fn unreachable_step(run: &Run, step: &Step, error: &str, trace: &mut Trace) -> Then {
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

impl NoVerdict {
    fn of(error: CallError) -> Self {
        let reason = error.to_string();
        match error {
            CallError::Fault(fault) if fault.blame() != Blame::Plugin => Self::Exhausted(reason),
            _ => Self::Failed(reason),
        }
    }
}

impl Step {
    fn not_asked(&self, trace: &mut Trace, reason: &str) -> Then {
        "not asked".clone_into(&mut trace.status);
        trace.warnings.push(reason.to_owned());
        Then::Exhausted(format!("step {} could not be asked: {reason}", self.id))
    }

    fn failed(&self, trace: &mut Trace, reason: String) -> Then {
        trace.warnings.push(reason.clone());
        if self.settings.fail_silently {
            Then::Next
        } else {
            Then::Fail(format!("step {} failed: {reason}", self.id))
        }
    }
}

impl Running {
    fn answered(&mut self, run: &Run, step: &Step, answer: Answer, trace: &mut Trace) -> Then {
        trace.status = answer.status.to_string();
        trace.warnings.extend(answer.warnings);
        let settings = &step.settings;
        let halt = match answer.status {
            400..=499 if settings.halt_on_4xx => Some(&settings.redirect_on_4xx),
            500..=599 if settings.halt_on_5xx => Some(&settings.redirect_on_5xx),
            _ => None,
        };
        if let (Some(redirect), Some(name)) = (halt, run.hook.point.halts_with()) {
            let message = "a step of the hook refused".to_owned();
            let status = Some(answer.status);
            return Then::Halt(Exception::of_setting(name, message, redirect, status));
        }
        self.collect(run, step, &answer.exception, trace);
        match &answer.data {
            Some(data) => self.update(run, step, data, trace),
            None => Then::Next,
        }
    }

    fn judged(&mut self, run: &Run, step: &Step, verdict: Verdict, trace: &mut Trace) -> Then {
        let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
        match verdict {
            Verdict::Pass => "pass".clone_into(&mut trace.status),
            Verdict::Stop => {
                "stop".clone_into(&mut trace.status);
                return Then::Stop;
            }
            Verdict::Update(data) => {
                "update".clone_into(&mut trace.status);
                let data = parsed(&data);
                if !data.is_object() {
                    return step.failed(trace, "its update is not an object".to_owned());
                }
                return self.update(run, step, &data, trace);
            }
            Verdict::Halt(exception) => {
                "halt".clone_into(&mut trace.status);
                let exception = parsed(&exception).as_object().cloned().unwrap_or_default();
                let known = &run.hook.point.manifest.exceptions;
                let first = known.iter().find_map(|name| Some((name, exception.get(name)?)));
                if let Some((name, value)) = first.filter(|_| !step.settings.disable_halt) {
                    return Then::Halt(Exception::parse(name, value));
                }
                self.collect(run, step, &exception, trace);
            }
        }
        Then::Next
    }

    fn update(&mut self, run: &Run, step: &Step, data: &Value, trace: &mut Trace) -> Then {
        if step.settings.disable_filtering {
            return Then::Next;
        }
        let bytes = self.data.to_string().len() + data.to_string().len();
        if bytes > self.most_bytes {
            let most = self.most_bytes;
            let reason = format!(
                "the data and its update have together {bytes} bytes, at most {most} are allowed (twice body_bytes)"
            );
            return step.failed(trace, reason);
        }
        let how: Merge = step.settings.merge;
        let merged = apply(&mut self.data, data, &run.hook.point.manifest.mutable, how);
        trace.changed = merged.changed;
        if !merged.ignored.is_empty() {
            let keys = named(&merged.ignored);
            trace.warnings.push(format!("the hook does not let steps change: {keys}"));
        }
        Then::Next
    }

    fn collect(
        &mut self,
        run: &Run,
        step: &Step,
        exception: &Map<String, Value>,
        trace: &mut Trace,
    ) {
        if step.settings.disable_halt {
            return;
        }
        let mut unknown = Vec::new();
        for (name, value) in exception {
            if run.hook.point.manifest.exceptions.contains(name) {
                self.collected.insert(name.clone(), Exception::parse(name, value));
            } else {
                unknown.push(name.clone());
            }
        }
        if !unknown.is_empty() {
            let names = named(&unknown);
            trace.warnings.push(format!("the hook has no exception: {names}"));
        }
    }

    /// The first declared exception that was collected halts.
    fn at_the_end(&mut self, declared: &[String]) -> Ended {
        let first = declared.iter().find_map(|name| self.collected.remove(name));
        first.map_or(Ended::Continue, Ended::Halt)
    }

    fn end(self, ended: Ended, sensitive: &[String]) -> Outcome {
        let Self { run_id, original, mut data, trace, .. } = self;
        // A halted run changes nothing.
        if ended == Ended::Continue {
            restore(&mut data, &original, sensitive);
        } else {
            data = original;
        }
        Outcome { run_id, ended, data, trace }
    }
}
