//! Answers a guest's imports from a recording.
//!
//! As long as the guest calls what was called, in that order, it gets the recorded answers. From the first difference on
//! the recording is a store of answers: the same import with the same arguments gets its answer, in whatever order; what the
//! guest has written itself it reads back; writes succeed. Anything else is not in the recording, and the guest gets an
//! error that says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::wit_name;
use crate::fault::Fault;
use moothall_values::recording::{
    Difference, Noted, Readings, Recording, Returned, bytes_of, same,
};

/// After the recorded readings of a clock have run out, it goes on by this much with each reading, in nanoseconds.
const STEP_NS: u64 = 1_000_000;

#[derive(Debug)]
pub struct Replayer {
    pub recording: Arc<Recording>,
    /// Where in the recorded imports the guest is.
    next: usize,
    used: BTreeSet<usize>,
    done: Vec<Noted>,
    difference: Option<Difference>,
    missing: Vec<String>,
    /// How the repetition ends, once it has come to where the recorded call ended.
    pub end: Option<Fault>,
    /// What the guest itself has written, by interface and key.
    written: BTreeMap<(String, String), Option<String>>,
    emitted: usize,
    clocks: Clocks,
}

/// Where in the recorded readings the guest is.
#[derive(Debug, Default)]
struct Clocks {
    wall: usize,
    monotonic: usize,
    random: Vec<u8>,
    random_at: usize,
    insecure: Vec<u8>,
    insecure_at: usize,
}

/// What an import is answered.
#[derive(Debug)]
pub enum Given {
    Answer(Value),
    /// The recorded call ended here, without an answer.
    Ended(Fault),
    /// The recorded call did not wait for the answer.
    Unanswered,
    /// The recording has no answer.
    Missing(String),
}

/// What a repetition did.
#[derive(Debug, Default)]
pub struct Replayed {
    /// The imports that were called, with their answers.
    pub imports: Vec<Noted>,
    /// Where they first differ from the recorded ones.
    pub difference: Option<Difference>,
    /// Clocks and random numbers that were read for longer than they were recorded.
    pub beyond: Vec<Difference>,
    /// What the guest asked for and the recording does not have.
    pub missing: Vec<String>,
}

impl Replayer {
    pub fn new(recording: Arc<Recording>) -> Self {
        let clocks = Clocks {
            random: bytes_of(&recording.readings.random).unwrap_or_default(),
            insecure: bytes_of(&recording.readings.insecure).unwrap_or_default(),
            ..Clocks::default()
        };
        Self {
            recording,
            next: 0,
            used: BTreeSet::new(),
            done: Vec::new(),
            difference: None,
            missing: Vec::new(),
            end: None,
            written: BTreeMap::new(),
            emitted: 0,
            clocks,
        }
    }

    pub fn enter(&mut self, import: &'static str, arguments: Vec<Value>) -> Given {
        let mut called = Noted { import: wit_name(import), arguments, answer: None };
        let given = self.given(&called);
        match &given {
            Given::Answer(answer) => {
                called.answer = Some(answer.clone());
                self.remember(&called);
            }
            Given::Ended(fault) => self.end = Some(fault.clone()),
            Given::Unanswered | Given::Missing(_) => {}
        }
        self.done.push(called);
        given
    }

    fn given(&mut self, called: &Noted) -> Given {
        let expected = self.recording.imports.get(self.next);
        if self.difference.is_none() {
            if let Some(expected) = expected.filter(|expected| is_same_call(expected, called)) {
                let given = self.answer_of(expected);
                self.used.insert(self.next);
                self.next += 1;
                return given;
            }
            let place = self.next + 1;
            self.difference = Some(Difference::of_imports(place, expected, Some(called)));
        }
        self.loose(called)
    }

    fn answer_of(&self, noted: &Noted) -> Given {
        match (&noted.answer, &self.recording.returned) {
            (Some(answer), _) => Given::Answer(answer.clone()),
            (None, Returned::Fault(_)) => Given::Ended(self.recorded_end()),
            (None, _) => Given::Unanswered,
        }
    }

    /// How the recorded call ended while an import was not answered yet.
    fn recorded_end(&self) -> Fault {
        match self.recording.failure.as_ref() {
            Some(failure) => Fault::recorded(&failure.code, &failure.detail),
            None => Fault::Host("the recorded call ended here".to_owned()),
        }
    }

    /// An answer after the first difference.
    fn loose(&mut self, called: &Noted) -> Given {
        if let Some(own) = self.own_write(called) {
            return Given::Answer(json!({ "ok": own }));
        }
        let imports = &self.recording.imports;
        let is_it = |at: &usize| is_same_call(&imports[*at], called);
        let unused = (0..imports.len()).filter(|at| !self.used.contains(at)).find(is_it);
        // What is only read may be read again.
        let again = || (0..imports.len()).rev().filter(|_| is_read(&called.import)).find(is_it);
        if let Some(at) = unused.or_else(again) {
            self.used.insert(at);
            return self.answer_of(&self.recording.imports[at].clone());
        }
        self.made_up(called).map_or_else(|| self.not_there(called), Given::Answer)
    }

    /// What the guest has written under this key, if it reads one that it has written.
    fn own_write(&self, called: &Noted) -> Option<Value> {
        let (interface, function) = called.import.split_once('.')?;
        if function != "get" || !matches!(interface, "state" | "process") {
            return None;
        }
        let key = called.arguments.first()?.as_str()?.to_owned();
        self.written.get(&(interface.to_owned(), key)).map(|value| json!(value))
    }

    /// The answer to a write that was not recorded: it succeeds.
    fn made_up(&mut self, called: &Noted) -> Option<Value> {
        match called.import.as_str() {
            "state.set" | "process.set" => Some(json!({ "ok": null })),
            "state.remove" | "process.remove" => Some(json!({ "ok": true })),
            import if import.starts_with("process.set-") => Some(json!({ "ok": null })),
            "events.emit" => {
                self.emitted += 1;
                Some(json!({ "ok": format!("evt_replayed{:018}", self.emitted) }))
            }
            _ => None,
        }
    }

    fn not_there(&mut self, called: &Noted) -> Given {
        let difference = Difference::of_imports(0, None, Some(called));
        let what = difference.now.unwrap_or_default();
        self.missing(what.clone());
        Given::Missing(format!("{what} is not in the recording"))
    }

    pub fn missing(&mut self, what: String) {
        if !self.missing.contains(&what) {
            self.missing.push(what);
        }
    }

    /// Remembers what the guest writes.
    fn remember(&mut self, called: &Noted) {
        let is_done = called.answer.as_ref().is_some_and(|answer| answer.get("ok").is_some());
        let Some((interface, function)) = called.import.split_once('.').filter(|_| is_done) else {
            return;
        };
        let text = |at: usize| called.arguments.get(at).and_then(Value::as_str).map(str::to_owned);
        let Some(key) = text(0) else { return };
        let value = match function {
            "set" => text(1),
            "remove" => None,
            _ => return,
        };
        self.written.insert((interface.to_owned(), key), value);
    }

    pub fn wall(&mut self) -> u64 {
        read(&self.recording.readings.wall_ns, &mut self.clocks.wall)
    }

    pub fn monotonic(&mut self) -> u64 {
        read(&self.recording.readings.monotonic_ns, &mut self.clocks.monotonic)
    }

    pub fn random(&mut self, bytes: &mut [u8], is_secure: bool) {
        let clocks = &mut self.clocks;
        match is_secure {
            true => fill(bytes, &clocks.random, &mut clocks.random_at),
            false => fill(bytes, &clocks.insecure, &mut clocks.insecure_at),
        }
    }

    pub fn seed(&self) -> u128 {
        u128::from_str_radix(&self.recording.readings.seed, 16).unwrap_or_default()
    }

    /// What was read beyond the recording, and so made up. How far a call came before its time was up says nothing.
    fn beyond(&self) -> Vec<Difference> {
        let failure = self.recording.failure.as_ref();
        if failure.is_some_and(|failure| failure.code == "plugin_timeout") {
            return Vec::new();
        }
        self.clocks.beyond(&self.recording.readings)
    }

    pub fn take(&mut self) -> Replayed {
        let expected = self.recording.imports.get(self.next);
        let uncalled = expected.filter(|_| self.difference.is_none());
        let uncalled =
            uncalled.map(|expected| Difference::of_imports(self.next + 1, Some(expected), None));
        Replayed {
            imports: std::mem::take(&mut self.done),
            difference: self.difference.take().or(uncalled),
            beyond: self.beyond(),
            missing: std::mem::take(&mut self.missing),
        }
    }
}

impl Clocks {
    fn beyond(&self, recorded: &Readings) -> Vec<Difference> {
        let (wall, monotonic) = (recorded.wall_ns.len(), recorded.monotonic_ns.len());
        let read = [
            ("readings of the wall clock", wall, self.wall),
            ("readings of the monotonic clock", monotonic, self.monotonic),
            ("random bytes", self.random.len(), self.random_at),
            ("insecure random bytes", self.insecure.len(), self.insecure_at),
        ];
        let beyond = read.into_iter().filter(|(_, recorded, now)| now > recorded);
        let difference = |(at, recorded, now): (&str, usize, usize)| Difference {
            at: at.to_owned(),
            recorded: Some(recorded.to_string()),
            now: Some(now.to_string()),
        };
        beyond.map(difference).collect()
    }
}

fn is_same_call(recorded: &Noted, called: &Noted) -> bool {
    let (one, other) = (&recorded.arguments, &called.arguments);
    recorded.import == called.import
        && one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| same(one, other))
}

/// Whether the import changes nothing.
fn is_read(import: &str) -> bool {
    !moothall_values::recording::is_effect(import)
}

/// The next recorded reading; after the last one, time goes on evenly.
fn read(recorded: &[u64], at: &mut usize) -> u64 {
    let index = *at;
    *at += 1;
    match recorded.get(index) {
        Some(ns) => *ns,
        None => {
            let beyond = (index + 1 - recorded.len()) as u64;
            recorded.last().copied().unwrap_or_default().saturating_add(beyond * STEP_NS)
        }
    }
}

/// The next recorded bytes; after the last one, the same ones for every repetition.
fn fill(bytes: &mut [u8], recorded: &[u8], at: &mut usize) {
    for byte in bytes {
        *byte = recorded.get(*at).copied().unwrap_or_else(|| (*at).wrapping_mul(167) as u8);
        *at += 1;
    }
}
