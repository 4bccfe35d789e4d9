//! Notes a call while it runs, within a bound, cheaply: values are copied, and written as JSON only if they are kept.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::wit_name;
use crate::exports::{Export, Output};
use crate::fault::{Fault, GuestError};
use crate::memory::MemoryReservation;
use moothall_values::recording::{
    Noted, Readings, Recording, Returned, Scrubber, base64, footprint,
};

/// What a note costs besides its values, in bytes.
const NOTE_BYTES: usize = 64;

#[derive(Debug)]
pub struct Recorder {
    /// None if it is larger than all that may be noted.
    input: Option<Export>,
    notes: Vec<Note>,
    readings: RawReadings,
    returned: Option<Returned>,
    not_replayable: Option<String>,
    /// How many bytes more may be noted.
    room: usize,
    limit: usize,
    is_full: bool,
    reservation: MemoryReservation,
}

#[derive(Debug)]
struct Note {
    import: &'static str,
    arguments: Vec<Value>,
    answer: Option<Value>,
}

/// The readings before they are written as text.
#[derive(Debug, Default)]
struct RawReadings {
    wall_ns: Vec<u64>,
    monotonic_ns: Vec<u64>,
    random: Vec<u8>,
    insecure: Vec<u8>,
    seed: u128,
}

/// What was recorded of a call, before it is written down.
pub struct Recorded {
    input: Option<Export>,
    notes: Vec<Note>,
    readings: RawReadings,
    returned: Option<Returned>,
    not_replayable: Option<String>,
    reservation: MemoryReservation,
}

impl Recorder {
    pub fn new(input: &Export, limit: usize, reservation: MemoryReservation) -> Self {
        let mut recorder = Self {
            input: None,
            notes: Vec::new(),
            readings: RawReadings::default(),
            returned: None,
            not_replayable: None,
            room: limit,
            limit,
            is_full: false,
            reservation,
        };
        if recorder.takes(input.input_bytes()) {
            recorder.input = Some(input.clone());
        }
        recorder
    }

    /// Whether there is room for so many bytes. The first time that there is none, the recording is cut there.
    fn takes(&mut self, bytes: usize) -> bool {
        if self.is_full {
            return false;
        }
        let has_memory = bytes <= self.room && self.reservation.grow(bytes as u64).is_ok();
        if has_memory {
            self.room -= bytes;
            return true;
        }
        self.is_full = true;
        let limit = self.limit;
        self.cannot_be_replayed(&match bytes > self.room {
            true => format!(
                "it was cut: the call handed over more than {limit} bytes (recording_bytes in [calls])"
            ),
            false => "it was cut: there was no memory left for it (guest_memory_bytes in [limits])"
                .to_owned(),
        });
        false
    }

    /// What does not fit is copied once, and nothing after it.
    pub fn enter(
        &mut self,
        import: &'static str,
        arguments: impl FnOnce() -> Vec<Value>,
    ) -> Option<usize> {
        if self.is_full {
            return None;
        }
        let arguments = arguments();
        let bytes = NOTE_BYTES + arguments.iter().map(footprint).sum::<usize>();
        if !self.takes(bytes) {
            return None;
        }
        self.notes.push(Note { import, arguments, answer: None });
        Some(self.notes.len() - 1)
    }

    pub fn note(&mut self, place: usize, answer: impl FnOnce() -> Value) {
        if self.is_full {
            return;
        }
        let answer = answer();
        if self.takes(footprint(&answer))
            && let Some(note) = self.notes.get_mut(place)
        {
            note.answer = Some(answer);
        }
    }

    pub fn cannot_be_replayed(&mut self, reason: &str) {
        self.not_replayable.get_or_insert_with(|| reason.to_owned());
    }

    pub fn wall(&mut self, ns: u64) {
        if self.takes(size_of::<u64>()) {
            self.readings.wall_ns.push(ns);
        }
    }

    pub fn monotonic(&mut self, ns: u64) {
        if self.takes(size_of::<u64>()) {
            self.readings.monotonic_ns.push(ns);
        }
    }

    pub fn random(&mut self, bytes: &[u8], is_secure: bool) {
        if self.takes(bytes.len()) {
            let of = &mut self.readings;
            let all = if is_secure { &mut of.random } else { &mut of.insecure };
            all.extend_from_slice(bytes);
        }
    }

    pub fn seed(&mut self, seed: u128) {
        self.readings.seed = seed;
    }

    pub fn returned(&mut self, result: &Result<Result<Output, GuestError>, Fault>) {
        if self.is_full {
            return;
        }
        let returned = crate::exports::recorded::returned_within(result, self.room);
        if self.takes(returned.footprint()) {
            self.returned = Some(returned);
        }
    }

    pub fn take(&mut self) -> Recorded {
        let none = self.reservation.empty();
        Recorded {
            input: self.input.take(),
            notes: std::mem::take(&mut self.notes),
            readings: std::mem::take(&mut self.readings),
            returned: self.returned.take(),
            not_replayable: self.not_replayable.take(),
            reservation: std::mem::replace(&mut self.reservation, none),
        }
    }
}

impl Recorded {
    /// Fills the recording in, and takes out of it these secrets, and those that are secrets by where they stand. Returns what
    /// counts it as guests' memory.
    pub fn write_into(
        self,
        recording: &mut Recording,
        secrets: &[SecretString],
    ) -> MemoryReservation {
        recording.input = self.input.as_ref().and_then(Export::invocation);
        recording.imports = self.notes.into_iter().map(Note::written).collect();
        recording.readings = self.readings.written();
        recording.returned = self.returned.unwrap_or_else(Returned::not_recorded);
        recording.not_replayable = self.not_replayable;
        let secrets = secrets.iter().map(|secret| secret.expose_secret().to_owned());
        match Scrubber::new(secrets, recording) {
            Ok(scrubber) => scrubber.scrub(recording),
            Err(too_many) => recording.forget_content(too_many.to_string()),
        }
        self.reservation
    }

    /// What counts it as guests' memory, without the rest.
    pub fn into_reservation(self) -> MemoryReservation {
        self.reservation
    }
}

impl Note {
    fn written(self) -> Noted {
        let Self { import, arguments, answer } = self;
        Noted { import: wit_name(import), arguments, answer }
    }
}

impl RawReadings {
    fn written(self) -> Readings {
        Readings {
            wall_ns: self.wall_ns,
            monotonic_ns: self.monotonic_ns,
            random: base64(&self.random),
            insecure: base64(&self.insecure),
            seed: format!("{:x}", self.seed),
        }
    }
}
