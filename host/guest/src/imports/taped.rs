//! The boundary between guest and host: every import comes through here. A call with a tape has its answers noted, or gets
//! recorded ones; a call without one goes straight on to `CallState`.
//!
//! To add an import, add its line below.

mod http;
mod secrets;
mod surroundings;

use serde_json::Value;
use wasmtime::component::HasData;

use crate::bindings::imports::moothall::plugin::{
    accounts, events, log, metrics, process, state, types, web,
};
use crate::bindings::{Error, ErrorKind};
use crate::call_state::CallState;
use crate::refusal::error;
use crate::tape::{Given, OnTape, Tape, Turn};

/// The kind of the error that a repeated call gets for what its recording does not have.
const NOT_RECORDED: &str = "not-recorded";

/// The imports as guests reach them.
pub struct Taped<'a>(&'a mut CallState);

/// Says how `Taped` is made, for the linker.
pub struct OfCall;

impl HasData for OfCall {
    type Data<'a> = Taped<'a>;
}

pub fn of_call(state: &mut CallState) -> Taped<'_> {
    Taped(state)
}

impl Taped<'_> {
    fn tape(&self) -> Option<Tape> {
        self.0.call_context.tape.clone()
    }

    /// An answer from the recording.
    fn given<T: OnTape>(&mut self, given: Given) -> Result<T, Error> {
        match given {
            Given::Answer(answer) => Result::read(&answer).unwrap_or_else(|| {
                Err(not_recorded("the recording's answer cannot be read".to_owned()))
            }),
            Given::Ended(fault) => Err(self.0.end_with(fault)),
            Given::Unanswered => Err(not_recorded("the recorded call has no answer".to_owned())),
            Given::Missing(message) => Err(not_recorded(message)),
        }
    }

    /// Notes an import's answer, unless the import has ended the call: its repetition ends there, too.
    fn note(&self, tape: &Tape, place: Option<usize>, answer: impl FnOnce() -> Value) {
        if self.0.fatal.is_none() {
            tape.note(place, answer);
        }
    }
}

fn not_recorded(message: String) -> Error {
    error(ErrorKind::Other(NOT_RECORDED.to_owned()), message)
}

/// Implements an interface whose functions all answer with a result.
macro_rules! taped {
    ($interface:ident, async: $($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        impl $interface::Host for Taped<'_> {
            $(async fn $name(&mut self, $($argument: $type),*) -> Result<$answer, Error> {
                let Some(tape) = self.tape() else {
                    return $interface::Host::$name(&mut *self.0, $($argument),*).await;
                };
                let name = concat!(stringify!($interface), ".", stringify!($name));
                let place = match tape.enter(name, || vec![$($argument.written()),*]) {
                    Turn::Tape(given) => return self.given(given),
                    Turn::Host(place) => place,
                };
                let answer = $interface::Host::$name(&mut *self.0, $($argument),*).await;
                self.note(&tape, place, || answer.written());
                answer
            })*
        }
    };
    ($interface:ident: $($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        impl $interface::Host for Taped<'_> {
            $(fn $name(&mut self, $($argument: $type),*) -> Result<$answer, Error> {
                let Some(tape) = self.tape() else {
                    return $interface::Host::$name(&mut *self.0, $($argument),*);
                };
                let name = concat!(stringify!($interface), ".", stringify!($name));
                let place = match tape.enter(name, || vec![$($argument.written()),*]) {
                    Turn::Tape(given) => return self.given(given),
                    Turn::Host(place) => place,
                };
                let answer = $interface::Host::$name(&mut *self.0, $($argument),*);
                self.note(&tape, place, || answer.written());
                answer
            })*
        }
    };
}

taped! { state, async:
    get(key: String) -> Option<String>;
    set(key: String, value: String) -> ();
    remove(key: String) -> bool;
    keys(prefix: String, after: Option<String>, limit: u32) -> Vec<String>;
}

taped! { process, async:
    id() -> String;
    status() -> process::ProcessStatus;
    set_status(status: process::ProcessStatus) -> ();
    outcome() -> String;
    set_outcome(outcome: String) -> ();
    errors() -> String;
    set_errors(errors: String) -> ();
    url() -> Option<String>;
    set_url(url: Option<String>) -> ();
    closing_at() -> Option<String>;
    set_closing_at(closing_at: Option<String>) -> ();
    get(key: String) -> Option<String>;
    set(key: String, value: String) -> ();
    remove(key: String) -> bool;
}

taped! { events, async:
    emit(
        event_type: String,
        data: String,
        initiator: Option<String>,
        dedupe_key: Option<String>
    ) -> String;
}

taped! { accounts:
    link(account: String) -> String;
    unlink(
        platform_type: String,
        platform_identifier: String,
        community_platform_id: Option<String>
    ) -> bool;
    find(
        platform_type: String,
        platform_identifier: String,
        community_platform_id: Option<String>
    ) -> Option<String>;
    user(external_id: String) -> String;
}

taped! { metrics:
    snapshot() -> String;
}

/// A line of the log needs no answer, and is written in a repetition, too.
impl log::Host for Taped<'_> {
    fn log(&mut self, level: log::Level, message: String) {
        log::Host::log(&mut *self.0, level, message);
    }
}

impl types::Host for Taped<'_> {}

impl web::Host for Taped<'_> {}

/// The answer that an import without arguments that fail has: it is in every recording.
fn ok(value: Value) -> Value {
    serde_json::json!({ "ok": value })
}
