//! Failures of hooks, and refusals by a hook's step.

use axum::http::StatusCode;

use super::Problem;
use super::code::Code;
use moothall_core::ids::CallId;
use moothall_engine::hooks::Exception;
use moothall_engine::plugins::Violation;

impl Problem {
    pub fn invalid_data(violations: Vec<Violation>) -> Self {
        Self::invalid(Code::InvalidParameters, "The hook's data is not valid", "data", violations)
    }

    /// A step failed that must not fail, or it halted with an answer that cannot be sent.
    pub fn hook_failed(detail: impl Into<String>, call: Option<CallId>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, Code::HookFailed, detail).of_call(call)
    }

    /// A step of a hook halted the request.
    pub fn prevented(status: StatusCode, detail: String, exception: &Exception) -> Self {
        let mut problem = Self::new(status, Code::Prevented, detail);
        problem.more.get_or_insert_default().details = Some(exception.shown().to_string());
        problem
    }
}
