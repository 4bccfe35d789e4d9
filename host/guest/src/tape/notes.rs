//! What imports are called with and answer, as JSON on a tape, and back.

use serde_json::{Value, json};

use crate::bindings::imports::moothall::plugin::http::{Placement, Request};
use crate::bindings::imports::moothall::plugin::process::ProcessStatus;
use crate::bindings::imports::moothall::plugin::web::Response;
use crate::bindings::{Error, ErrorKind};
use moothall_values::recording::{self, RecordedError};

/// A value that an import is called with, or answers.
pub trait OnTape: Sized {
    fn written(&self) -> Value;

    /// None if the value is another's: somebody has changed the recording.
    fn read(value: &Value) -> Option<Self>;
}

impl OnTape for () {
    fn written(&self) -> Value {
        Value::Null
    }

    fn read(value: &Value) -> Option<Self> {
        value.is_null().then_some(())
    }
}

impl OnTape for bool {
    fn written(&self) -> Value {
        (*self).into()
    }

    fn read(value: &Value) -> Option<Self> {
        value.as_bool()
    }
}

impl OnTape for u32 {
    fn written(&self) -> Value {
        (*self).into()
    }

    fn read(value: &Value) -> Option<Self> {
        value.as_u64()?.try_into().ok()
    }
}

impl OnTape for String {
    fn written(&self) -> Value {
        self.as_str().into()
    }

    fn read(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl<T: OnTape> OnTape for Option<T> {
    fn written(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::written)
    }

    fn read(value: &Value) -> Option<Self> {
        if value.is_null() { Some(None) } else { T::read(value).map(Some) }
    }
}

impl<T: OnTape> OnTape for Vec<T> {
    fn written(&self) -> Value {
        self.iter().map(T::written).collect()
    }

    fn read(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(T::read).collect()
    }
}

impl OnTape for ProcessStatus {
    fn written(&self) -> Value {
        let status = match self {
            Self::Created => "created",
            Self::Pending => "pending",
            Self::Completed => "completed",
        };
        status.into()
    }

    fn read(value: &Value) -> Option<Self> {
        match value.as_str()? {
            "created" => Some(Self::Created),
            "pending" => Some(Self::Pending),
            "completed" => Some(Self::Completed),
            _ => None,
        }
    }
}

impl OnTape for Response {
    fn written(&self) -> Value {
        recording::response(self.status, &self.headers, &self.body)
    }

    fn read(value: &Value) -> Option<Self> {
        let (status, headers, body) = recording::response_of(value)?;
        Some(Self { status, headers, body })
    }
}

impl<T: OnTape> OnTape for Result<T, Error> {
    fn written(&self) -> Value {
        match self {
            Ok(answer) => json!({ "ok": answer.written() }),
            Err(error) => json!({ "error": recorded_error(error) }),
        }
    }

    fn read(value: &Value) -> Option<Self> {
        match value.get("ok") {
            Some(answer) => T::read(answer).map(Ok),
            None => {
                let error = serde_json::from_value(value.get("error")?.clone()).ok()?;
                Some(Err(guest_error(error)))
            }
        }
    }
}

fn recorded_error(error: &Error) -> RecordedError {
    RecordedError {
        kind: kind(&error.kind),
        message: error.message.clone(),
        details: error.details.clone(),
        retryable: error.retryable,
    }
}

fn guest_error(error: RecordedError) -> Error {
    let RecordedError { kind, message, details, retryable } = error;
    let kind = match kind.as_str() {
        "invalid" => ErrorKind::Invalid,
        "unauthorized" => ErrorKind::Unauthorized,
        "forbidden" => ErrorKind::Forbidden,
        "not-found" => ErrorKind::NotFound,
        "conflict" => ErrorKind::Conflict,
        "unavailable" => ErrorKind::Unavailable,
        "internal" => ErrorKind::Internal,
        own => ErrorKind::Other(own.strip_prefix("other:").unwrap_or(own).to_owned()),
    };
    Error { kind, message, details, retryable }
}

/// As the contract names it.
fn kind(kind: &ErrorKind) -> String {
    let kind = match kind {
        ErrorKind::Invalid => "invalid",
        ErrorKind::Unauthorized => "unauthorized",
        ErrorKind::Forbidden => "forbidden",
        ErrorKind::NotFound => "not-found",
        ErrorKind::Conflict => "conflict",
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::Internal => "internal",
        ErrorKind::Other(own) => return format!("other:{own}"),
    };
    kind.to_owned()
}

/// The arguments of `http.send`: the request, and where which secret is placed in it.
pub fn send_arguments(request: &Request, secrets: &[(&Placement, String)]) -> Vec<Value> {
    let message = json!({
        "method": request.method,
        "url": request.url,
        "headers": recording::headers(&request.headers),
        "body": recording::body(&request.body),
        "timeout_ms": request.timeout_ms,
    });
    let placed = |(place, secret): &(&Placement, String)| match place {
        Placement::Header((name, prefix)) => {
            json!({ "secret": secret, "header": name, "prefix": prefix })
        }
        Placement::BasicPassword(user) => json!({ "secret": secret, "basic_password_of": user }),
        Placement::BasicUser(password) => json!({ "secret": secret, "basic_user_with": password }),
        Placement::Query(name) => json!({ "secret": secret, "query": name }),
        Placement::Form(name) => json!({ "secret": secret, "form": name }),
        Placement::Json(pointer) => json!({ "secret": secret, "json": pointer }),
    };
    vec![message, secrets.iter().map(placed).collect()]
}
