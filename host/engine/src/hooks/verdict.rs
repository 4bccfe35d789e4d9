//! Checks a step's answer: how it changes the data, and which exception it raises, or why the host cannot carry
//! it out. If a filter's verdict is not possible at its hook, that is the plugin's fault: a guard that
//! misspells an exception must not seem to have allowed the action on purpose.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};

use super::exception::Exception;
use super::merge::{apply, beyond, restore};
use super::step::Settings;
use crate::calls::CallError;
use crate::plugins::HookPoint;
use moothall_core::config::nearest;
use moothall_core::ids::CallId;
use moothall_guest::{Blame, Fault, Output, Verdict, cut};
use moothall_values::json::Document;

/// The most names of one answer in a message, and the most bytes of each.
const NAMES: usize = 20;
const NAME_BYTES: usize = 100;

/// What a step's answer is checked against.
pub struct Given {
    pub point: Arc<HookPoint>,
    pub settings: Settings,
    /// The data as the steps before left it.
    pub data: Arc<Document>,
    /// The data as the step sees it.
    pub seen: Arc<Document>,
    /// The largest size of the data and an update together.
    pub most_bytes: usize,
}

/// The data after an update.
pub struct Updated {
    /// None: unchanged.
    pub data: Option<Document>,
    /// The mutable places that changed.
    pub changed: Vec<String>,
    /// Places that the update names and that the hook does not let steps change.
    pub refused: Vec<String>,
}

/// A verdict that can be carried out.
pub enum Judged {
    Pass,
    Stop,
    Update(Updated),
    /// None: the step's settings do not let it halt. Contains the names of exceptions that the hook does not
    /// have.
    Halt(Option<Exception>, Vec<String>),
}

/// Why a plugin has no verdict.
pub enum NoVerdict {
    /// It failed; with the failed call, if that is listed.
    Failed(String, Option<CallId>),
    /// The host could not ask it.
    Exhausted(String),
}

impl NoVerdict {
    pub fn of(error: CallError) -> Self {
        let (reason, call) = (error.to_string(), error.call().cloned());
        match error {
            CallError::Fault(fault, _) if fault.blame() != Blame::Plugin => Self::Exhausted(reason),
            _ => Self::Failed(reason, call),
        }
    }
}

/// The checker for one call, and its result.
pub struct VerdictJudge {
    given: Given,
    judged: Mutex<Option<Judged>>,
}

impl VerdictJudge {
    pub fn new(given: Given) -> Self {
        Self { given, judged: Mutex::default() }
    }

    /// Whether the verdict can be carried out.
    pub fn see(&self, output: &Output) -> Result<(), Fault> {
        let Output::Verdict(verdict) = output else {
            return Err(Fault::BadOutput("the filter answered no verdict".to_owned()));
        };
        let judged = self.given.judge(verdict).map_err(Fault::BadOutput)?;
        *self.judged.lock().unwrap_or_else(PoisonError::into_inner) = Some(judged);
        Ok(())
    }

    /// The result, and what was wrong with the verdict nevertheless; none before the verdict was checked.
    pub fn take(&self) -> Option<(Judged, Option<String>)> {
        let judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let wrong = match &judged {
            Judged::Update(updated) => self.given.excess(updated),
            _ => None,
        };
        Some((judged, wrong))
    }
}

impl Given {
    fn judge(&self, verdict: &Verdict) -> Result<Judged, String> {
        match verdict {
            Verdict::Pass => Ok(Judged::Pass),
            Verdict::Stop => Ok(Judged::Stop),
            Verdict::Update(text) => {
                let update = Document::read(text.clone());
                let update = update.map_err(|refusal| refusal.of("the filter's update"))?;
                let updated = self.updated(&update)?;
                // If the step may fail, the host still carries out the part that is allowed.
                let is_carried_out = self.settings.fail_silently && !updated.changed.is_empty();
                match self.excess(&updated) {
                    Some(reason) if !is_carried_out => Err(reason),
                    _ => Ok(Judged::Update(updated)),
                }
            }
            Verdict::Halt(text) => self.halted(text),
        }
    }

    /// What is wrong with an update that changes more than it may.
    fn excess(&self, updated: &Updated) -> Option<String> {
        let places = named(&updated.refused);
        (!updated.refused.is_empty()).then(|| {
            format!(
                "the filter's update changes {places}, and the hook `{}` lets steps change {}",
                self.point.manifest.name,
                listed(&self.point.manifest.mutable),
            )
        })
    }

    /// The data after an update, or why it is refused: it is too large, or the hook's schema does not allow it.
    pub fn updated(&self, update: &Document) -> Result<Updated, String> {
        let unchanged = |refused| Updated { data: None, changed: Vec::new(), refused };
        if self.settings.disable_filtering {
            return Ok(unchanged(Vec::new()));
        }
        let (bytes, most) = (self.data.text().len() + update.text().len(), self.most_bytes);
        if bytes > most {
            return Err(format!(
                "the data and its update have together {bytes} bytes, at most {most} are allowed (twice body_bytes)"
            ));
        }
        let mutable = &self.point.manifest.mutable;
        let refused = beyond(update.value(), self.seen.value(), mutable);
        let mut value = self.data.value().clone();
        let changed = apply(&mut value, update.value(), mutable, self.settings.merge);
        if changed.is_empty() {
            return Ok(unchanged(refused));
        }
        // Restored, whatever the step put in place of values that it was not shown.
        restore(&mut value, self.data.value(), &self.point.manifest.sensitive);
        let data = self.checked(self.data.became(value, Some(update)))?;
        Ok(Updated { data: Some(data), changed, refused })
    }

    /// Whether the hook's own schema accepts it.
    fn checked(&self, data: Document) -> Result<Document, String> {
        let Some(schema) = &self.point.input else { return Ok(data) };
        let text = schema.checked(data.into_text()).map_err(|violations| {
            let first = violations.first().map(|one| format!(": {one}"));
            format!(
                "the data with the update breaks the schema of the hook `{}`{}",
                self.point.manifest.name,
                first.unwrap_or_default()
            )
        })?;
        Document::read(text).map_err(|refusal| refusal.of("the data with the update"))
    }

    fn halted(&self, text: &str) -> Result<Judged, String> {
        let Ok(Value::Object(exception)) = serde_json::from_str(text) else {
            return Err("the filter's exception is not an object".to_owned());
        };
        if self.settings.disable_halt {
            return Ok(Judged::Halt(None, Vec::new()));
        }
        let known = &self.point.manifest.exceptions;
        let unknown = unknown(&exception, known);
        let first = known.iter().find_map(|name| Some((name, exception.get(name)?)));
        match first {
            Some((name, value)) => Ok(Judged::Halt(Some(Exception::parse(name, value)), unknown)),
            None => Err(self.halts_nothing(&unknown)),
        }
    }

    fn halts_nothing(&self, unknown: &[String]) -> String {
        let hook = &self.point.manifest.name;
        let known: Vec<&str> = self.point.manifest.exceptions.iter().map(String::as_str).collect();
        let meant = unknown.first().map(|name| nearest(name, &known)).unwrap_or_default();
        let what = match unknown {
            [] => "no exception".to_owned(),
            names => format!("`{}`", named(names)),
        };
        format!(
            "the filter halts with {what}, which halts nothing: the hook `{hook}` has {}{meant}",
            listed(&self.point.manifest.exceptions)
        )
    }
}

/// Exceptions that the hook does not have.
pub fn unknown(exception: &Map<String, Value>, known: &[String]) -> Vec<String> {
    exception.keys().filter(|name| !known.contains(name)).cloned().collect()
}

/// The first names of an answer, which may contain any number.
pub fn named(names: &[String]) -> String {
    let first = names.iter().take(NAMES).map(|name| cut(name.clone(), NAME_BYTES));
    let first = first.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { named(names) }
}
