//! The verdict of a step of a hook.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{Result, write};

/// The result of a method with [`filter`](macro@crate::filter).
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict(pub(crate) Kind);

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Pass,
    Update(Value),
    Stop,
    Halt(String, Map<String, Value>),
}

impl Verdict {
    /// The data stays as it is.
    pub fn pass() -> Self {
        Self(Kind::Pass)
    }

    /// The top-level keys of `data`, an object, replace those of the hook's data. Only what the hook declares
    /// as mutable can change.
    pub fn update(data: impl Serialize) -> Result<Self> {
        Ok(Self(Kind::Update(write::to_value(&data)?)))
    }

    /// The run ends here with the data as it is.
    pub fn stop() -> Self {
        Self(Kind::Stop)
    }

    /// The run ends here, halted with one of the hook's exceptions (`Hook::exception`, or a driver's declaration).
    ///
    /// An exception that the hook does not have halts nothing. The verdict is then a failed call, listed and
    /// logged with the exception. If the step has `fail_silently = false`, the run ends with an error, so that
    /// the step still prevents what it guards; by default (`true`) the run goes on without the step.
    pub fn halt(exception: impl Into<String>, message: impl Into<String>) -> Self {
        let message = Map::from_iter([("message".to_owned(), json!(message.into()))]);
        Self(Kind::Halt(exception.into(), message))
    }

    /// Where a halted run sends the browser (`RedirectToPage`).
    #[must_use]
    pub fn redirect_to(self, url: impl Into<String>) -> Self {
        self.with("redirect_to", url.into())
    }

    /// The status of the answer to a halted request.
    #[must_use]
    pub fn status_code(self, status: u16) -> Self {
        self.with("status_code", status)
    }

    /// Adds to the answer of a halted run: `content`, `content_type`, `status`, `headers` of
    /// `RenderCustomResponse`.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        if let Kind::Halt(_, more) = &mut self.0 {
            more.insert(key.into(), value.into());
        }
        self
    }
}
