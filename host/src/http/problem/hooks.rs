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

    /// A step of a hook failed that may not, or halts with what cannot be answered.
    pub fn hook_failed(detail: impl Into<String>, call: Option<CallId>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, Code::HookFailed, detail).of_call(call)
    }

    /// A step of a hook prevents what was asked for.
    pub fn prevented(status: StatusCode, detail: String, exception: &Exception) -> Self {
        let mut problem = Self::new(status, Code::Prevented, detail);
        problem.more.get_or_insert_default().details = Some(exception.shown().to_string());
        problem
    }
}
