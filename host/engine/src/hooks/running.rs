//! A hook's run in progress: the data as the steps have left it, and what each answer changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::exception::Exception;
use super::http_step::StepAnswer;
use super::input::Run;
use super::merge::without;
use super::outcome::{Ended, Outcome, StepTrace};
use super::step::{Step, StepMode};
use super::verdict::{Given, Judged, NoVerdict, Updated, named, unknown};
use moothall_core::ids::CallId;
use moothall_values::json::Document;

/// A run in progress.
pub(super) struct Running {
    pub run_id: String,
    pub original: Arc<Document>,
    pub data: Arc<Document>,
    /// The largest size of the data and an update of it together.
    pub most_bytes: usize,
    /// The exceptions that steps returned, by name; the last of each.
    pub collected: BTreeMap<String, Exception>,
    pub not_asked: Vec<String>,
    pub trace: Vec<StepTrace>,
}

/// What happens after a step.
pub(super) enum Then {
    Next,
    Stop,
    Halt(Exception),
    /// With the failed call, if that is listed.
    Fail(String, Option<CallId>),
    Exhausted(String),
}

/// A step that did not answer: the run halts if the step's settings say so.
pub(super) fn unreachable_step(run: &Run, step: &Step, error: &str, trace: &mut StepTrace) -> Then {
    "unreachable".clone_into(&mut trace.status);
    trace.warnings.push(error.to_owned());
    let settings = &step.settings;
    match run.hook.point.halts_with() {
        Some(name) if settings.halt_on_request_exception => {
            let redirect = &settings.redirect_on_request_exception;
            // The trace has the details: whoever caused the run need not learn addresses.
            let message = "a step of the hook did not answer".to_owned();
            Then::Halt(Exception::of_setting(name, message, redirect, None))
        }
        _ => Then::Next,
    }
}

impl Step {
    pub(super) fn not_asked(&self, trace: &mut StepTrace, reason: &str) -> Then {
        "not asked".clone_into(&mut trace.status);
        trace.warnings.push(reason.to_owned());
        Then::Exhausted(format!("step {} could not be asked: {reason}", self.id))
    }

    pub(super) fn failed(
        &self,
        trace: &mut StepTrace,
        reason: String,
        call: Option<CallId>,
    ) -> Then {
        trace.warnings.push(reason.clone());
        if self.settings.fail_silently {
            Then::Next
        } else {
            Then::Fail(format!("step {} failed: {reason}", self.id), call)
        }
    }
}

impl Running {
    /// The input of a step, and what its answer is checked against.
    pub fn given(&self, run: &Run, step: &Step) -> Given {
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

    pub fn answered(
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

    /// `asked`: none if the run's time was over.
    pub fn answered_by_plugin(
        &mut self,
        step: &Step,
        asked: Option<Result<Option<Judged>, NoVerdict>>,
        trace: &mut StepTrace,
    ) -> Then {
        match asked {
            Some(Ok(Some(verdict))) => self.judged(verdict, trace),
            Some(Ok(None)) => {
                "not enabled".clone_into(&mut trace.status);
                Then::Next
            }
            Some(Err(NoVerdict::Exhausted(error))) => step.not_asked(trace, &error),
            Some(Err(NoVerdict::Failed(error, call))) => {
                "failed".clone_into(&mut trace.status);
                step.failed(trace, error, call)
            }
            None => {
                "failed".clone_into(&mut trace.status);
                step.failed(trace, "it took too long".to_owned(), None)
            }
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

    /// After all steps: the first declared exception that a step returned halts the run.
    pub fn at_the_end(&mut self, declared: &[String]) -> Ended {
        let first = declared.iter().find_map(|name| self.collected.remove(name));
        first.map_or(Ended::Continue, Ended::Halt)
    }

    pub fn end(self, ended: Ended) -> Outcome {
        let Self { run_id, original, data, not_asked, trace, .. } = self;
        // A halted run changes nothing.
        let data = if ended == Ended::Continue { data } else { original };
        Outcome { run_id, ended, data: Arc::unwrap_or_clone(data).into_text(), not_asked, trace }
    }
}
