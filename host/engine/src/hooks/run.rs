//! Runs a hook: asks its steps one after the other, in their order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Hooks;
use super::input::Run;
use super::outcome::{Ended, Outcome, StepTrace};
use super::running::{Running, Then, unreachable_step};
use super::step::{Step, Target};
use moothall_core::ids::{CallId, unguessable_ulid};
use moothall_egress::EgressError;
use moothall_values::json::Document;

impl Hooks {
    /// Runs a hook, and logs the steps that failed or could not be asked.
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

    /// Asks the steps. None: all passed, or one ended the run early.
    async fn steps(&self, run: &Run, end: Instant, running: &mut Running) -> Option<Ended> {
        let community = run.community.as_ref().map(|one| one.names.id);
        for step in run.hook.steps.iter().filter(|step| step.is_for(community)) {
            let began = Instant::now();
            let mut trace = StepTrace { step: step.id.clone(), ..StepTrace::default() };
            let then = self.ask_step(run, step, end, running, &mut trace).await;
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

    async fn ask_step(
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
            // This counts as no answer, which may halt the run: otherwise a slow step before this one would
            // disable it.
            if matches!(step.target, Target::Http(_)) {
                return unreachable_step(run, step, reason, trace);
            }
            "skipped".clone_into(&mut trace.status);
            return step.failed(trace, reason.to_owned(), None);
        }
        match &step.target {
            Target::Http(url) => {
                self.ask_webfilter(run, (step, url), timeout, running, trace).await
            }
            Target::Plugin(plugin) => {
                let asked = self.ask_plugin(run, plugin, running.given(run, step), timeout);
                let asked = tokio::time::timeout(timeout, asked).await;
                running.answered_by_plugin(step, asked.ok(), trace)
            }
        }
    }

    async fn ask_webfilter(
        &self,
        run: &Run,
        (step, url): (&Arc<Step>, &str),
        timeout: Duration,
        running: &mut Running,
        trace: &mut StepTrace,
    ) -> Then {
        let given = running.given(run, step);
        let of = (&*run.hook.point, &**step, url);
        match self.post(of, &running.run_id, &given.seen, timeout).await {
            Ok(answer) => running.answered(step, &given, answer, trace),
            // Data that cannot be sent must not be a way around the step.
            Err(EgressError::Invalid(reason)) => {
                "failed".clone_into(&mut trace.status);
                trace.warnings.push(reason.clone());
                Then::Fail(format!("step {} cannot be asked: {reason}", step.id), None)
            }
            Err(error @ EgressError::Exhausted(_)) => step.not_asked(trace, &error.to_string()),
            Err(error) => unreachable_step(run, step, &error.to_string(), trace),
        }
    }
}
