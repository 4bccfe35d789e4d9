//! A recorded call: with what a function of a plugin was called, what the host answered to its imports, and how the call
//! ended. It is everything that is needed to run the call again elsewhere, without the host on which it ran.
//!
//! JSON texts of the contract stay texts, so that a guest reads to the letter what it read before. Values of secrets are
//! never part of it.

mod difference;
mod effects;
mod forms;
mod scrub;
mod sightings;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use difference::{Difference, same, shown};
pub use effects::is_effect;
pub use scrub::{FORM_BYTES, SECRETS, Scrubber, TooManySecrets};

/// The version of this format. A program refuses a recording of another one.
pub const FORMAT: u32 = 1;
/// What stands for an output that is too large to be kept: an object with its size under this name alone.
const LARGE: &str = "not_recorded_bytes";
/// The code and the detail where something is not in the recording.
const NOT_RECORDED: (&str, &str) = ("not_recorded", "it is not recorded");
/// About how many bytes of memory a JSON value takes besides its text.
const VALUE_BYTES: usize = 32;

/// One call, as it was recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recording {
    /// The version of the recording's format.
    pub format: u32,
    pub call: RecordedCall,
    /// What the guest could ask of its surroundings, whether it did or not.
    pub context: RecordedContext,
    pub limits: RecordedLimits,
    /// The function that was called. Absent if its input alone is more than is kept.
    pub input: Option<Invocation>,
    /// The imports that the guest called, in order.
    pub imports: Vec<Noted>,
    pub readings: Readings,
    /// What the guest returned.
    pub returned: Returned,
    /// How the call failed for the host, be it later than in the guest; absent if it succeeded.
    pub failure: Option<RecordedFailure>,
    /// CPU time of the guest.
    pub cpu_us: i64,
    /// Why the call cannot be run again; absent if it can.
    pub not_replayable: Option<String>,
}

/// Which call it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedCall {
    pub id: String,
    pub request_id: String,
    pub plugin: String,
    /// The plugin's version by its manifest.
    pub version: String,
    /// SHA-256 of the plugin's file, in hex.
    pub digest: String,
    /// The action, process, worker or hook; else the function.
    pub name: String,
    /// RFC 3339.
    pub started_at: String,
}

/// What `context` and `settings` answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedContext {
    pub community: String,
    pub community_name: String,
    pub instance: u64,
    pub community_platform_id: Option<String>,
    pub origin: String,
    /// JSON, with a placeholder for each secret.
    pub config: String,
    /// JSON, with a placeholder for each secret.
    pub settings: String,
    /// Whether the plugin may make TCP connections anywhere. No recording has what they answer.
    #[serde(default)]
    pub has_tcp: bool,
}

/// The limits under which the call ran, as far as another machine can apply them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedLimits {
    pub cpu_ms: u64,
    pub wall_ms: u64,
    pub memory_bytes: u64,
    pub result_bytes: u64,
}

/// A function that is called: its interface and name as in the contract, and what is handed to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Invocation {
    /// `actions.perform`, for one.
    pub function: String,
    pub arguments: Vec<Value>,
}

/// An import that the guest called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Noted {
    /// `state.get`, for one.
    pub import: String,
    pub arguments: Vec<Value>,
    /// `{"ok": …}` or `{"error": …}`. Absent if the call ended before there was an answer.
    pub answer: Option<Value>,
}

/// What the guest read of clocks, and the randomness that it got, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Readings {
    /// Nanoseconds since the Unix epoch.
    pub wall_ns: Vec<u64>,
    pub monotonic_ns: Vec<u64>,
    /// Base64.
    pub random: String,
    /// Base64; of `wasi:random/insecure`.
    pub insecure: String,
    /// What `insecure-seed` answers, in hex.
    pub seed: String,
}

/// What the guest returned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Returned {
    Output(Value),
    /// The plugin's own error.
    Error(RecordedError),
    /// It did not return: it trapped, or reached a limit.
    Fault(RecordedFailure),
}

/// An error of the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedError {
    /// As in the contract; a kind of the plugin's own after `other:`.
    pub kind: String,
    pub message: String,
    /// JSON.
    pub details: Option<String>,
    pub retryable: bool,
}

/// How a call failed, in the words of the list of failed calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedFailure {
    pub code: String,
    pub detail: String,
}

impl Recording {
    /// Reads a recording, and refuses one of another format with the reason.
    pub fn parse(text: &str) -> Result<Self, String> {
        let format = |value: &Value| value["format"].as_u64();
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match format(&value) {
            Some(format) if format == u64::from(FORMAT) => {}
            Some(other) => {
                return Err(format!(
                    "it has format {other}, and this program reads format {FORMAT}"
                ));
            }
            None => return Err("it is no recording: it has no `format`".to_owned()),
        }
        serde_json::from_value(value).map_err(|error| format!("it is no recording: {error}"))
    }

    /// Forgets all that came from outside: secrets in it could not be taken out.
    pub fn forget_content(&mut self, reason: String) {
        let context = &mut self.context;
        context.config = "{}".to_owned();
        context.settings = "{}".to_owned();
        self.input = None;
        self.imports = Vec::new();
        self.readings = Readings::default();
        self.returned = Returned::not_recorded();
        let failure = self.failure.iter_mut();
        failure.for_each(|failure| failure.detail = NOT_RECORDED.1.to_owned());
        self.not_replayable = Some(reason);
    }
}

impl Returned {
    /// What the guest returned is not in the recording.
    pub fn not_recorded() -> Self {
        let (code, detail) = NOT_RECORDED;
        Self::Fault(RecordedFailure { code: code.to_owned(), detail: detail.to_owned() })
    }

    /// About how many bytes of memory it takes.
    pub fn footprint(&self) -> usize {
        match self {
            Self::Output(output) => footprint(output),
            Self::Error(error) => {
                error.message.len() + error.details.as_ref().map_or(0, String::len)
            }
            Self::Fault(fault) => fault.detail.len(),
        }
    }

    /// The same if it takes at most so many bytes; else only its size, since no repetition needs the rest.
    pub fn within(self, bytes: usize) -> Self {
        match &self {
            Self::Output(output) if footprint(output) > bytes => Self::large(weight(output)),
            _ => self,
        }
    }

    /// An output of so many bytes, which the recording does not have.
    pub fn large(bytes: usize) -> Self {
        Self::Output(json!({ LARGE: bytes }))
    }
}

/// How many bytes the texts in a value have, and its numbers.
fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| name.len() + weight(field)).sum()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => size_of::<u64>(),
    }
}

/// About how many bytes of memory a value takes, with all values in it.
pub fn footprint(value: &Value) -> usize {
    let own = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(footprint).sum(),
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| name.len() + footprint(field)).sum()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    VALUE_BYTES + own
}

/// A body: a text, or `{"base64": …}` if it is none.
pub fn body(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({ "base64": STANDARD.encode(bytes) }),
    }
}

/// The bytes of such a body.
pub fn body_bytes(body: &Value) -> Option<Vec<u8>> {
    match body {
        Value::String(text) => Some(text.clone().into_bytes()),
        _ => bytes_of(body["base64"].as_str()?),
    }
}

pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub fn bytes_of(base64: &str) -> Option<Vec<u8>> {
    STANDARD.decode(base64).ok()
}

/// An HTTP message's headers.
pub fn headers(headers: &[(String, String)]) -> Value {
    headers.iter().map(|(name, value)| json!([name, value])).collect()
}

pub fn headers_of(value: &Value) -> Option<Vec<(String, String)>> {
    serde_json::from_value(value.clone()).ok()
}

/// A plugin's or a platform's HTTP answer.
pub fn response(status: u16, fields: &[(String, String)], bytes: &[u8]) -> Value {
    json!({ "status": status, "headers": headers(fields), "body": body(bytes) })
}

/// A response's status, headers and body.
pub type ResponseParts = (u16, Vec<(String, String)>, Vec<u8>);

/// Status, headers and body of such an answer.
pub fn response_of(value: &Value) -> Option<ResponseParts> {
    let status = value["status"].as_u64()?.try_into().ok()?;
    Some((status, headers_of(&value["headers"])?, body_bytes(&value["body"])?))
}

#[cfg(test)]
mod tests;
