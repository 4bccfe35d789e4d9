//! Failures of calls, webhooks, mutations and the store: whose fault each is, as a status and a code.

use axum::http::StatusCode;

use super::{Problem, sentence};
use crate::calls::CallError;
use crate::guest::{Fault, GuestError};
use crate::mutations::MutationError;
use crate::store::StoreError;
use crate::webhooks::WebhookError;
use crate::webhooks::verify::Rejection;

impl Problem {
    /// Of a public action: where nothing can be called, nobody learns which communities, plugins and instances
    /// there are.
    pub fn of_public(error: CallError) -> Self {
        match error {
            CallError::UnknownCommunity(_)
            | CallError::UnknownPlugin(_)
            | CallError::UnknownAction { .. }
            | CallError::NotEnabled { .. }
            | CallError::Ambiguous { .. }
            | CallError::NoSuchPlatform { .. } => Self::not_found(
                "There is no such public action; its driver is told more under /api/internal/action",
            ),
            error => error.into(),
        }
    }
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        let detail = error.to_string();
        match error {
            CallError::UnknownCommunity(_) => {
                Self::new(StatusCode::BAD_REQUEST, "unknown_community", detail)
            }
            CallError::UnknownPlugin(_) => {
                Self::new(StatusCode::NOT_FOUND, "unknown_plugin", detail)
            }
            CallError::UnknownAction { .. } => {
                Self::new(StatusCode::NOT_FOUND, "unknown_action", detail)
            }
            CallError::UnknownProcess { .. } => {
                Self::new(StatusCode::NOT_FOUND, "unknown_process", detail)
            }
            CallError::NotEnabled { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "plugin_not_enabled", detail)
            }
            CallError::Ambiguous { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "ambiguous_instance", detail)
            }
            CallError::NoSuchPlatform { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "unknown_instance", detail)
            }
            CallError::InvalidParameters(violations) => {
                Self::new(StatusCode::BAD_REQUEST, "invalid_parameters", detail)
                    .with_errors(violations)
            }
            CallError::TooManyProcesses(_) => {
                Self::new(StatusCode::CONFLICT, "too_many_processes", detail)
            }
            CallError::AlreadyCompleted => {
                Self::new(StatusCode::BAD_REQUEST, "already_completed", detail)
            }
            CallError::NoClose { .. } => Self::new(StatusCode::NOT_IMPLEMENTED, "no_close", detail),
            CallError::Refused(refusal) => refusal.into(),
            CallError::PluginUnavailable(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "plugin_unavailable", detail).later()
            }
            CallError::ConfigInvalid { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "config_invalid", detail)
            }
            CallError::UpgradeFailed { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "upgrade_failed", detail)
            }
            CallError::Fault(fault) => fault.into(),
        }
    }
}

impl From<GuestError> for Problem {
    fn from(error: GuestError) -> Self {
        let status = match error.kind.as_str() {
            "invalid" => StatusCode::BAD_REQUEST,
            "unauthorized" => StatusCode::UNAUTHORIZED,
            "forbidden" => StatusCode::FORBIDDEN,
            "not-found" => StatusCode::NOT_FOUND,
            "conflict" => StatusCode::CONFLICT,
            "unavailable" => StatusCode::SERVICE_UNAVAILABLE,
            // `internal`, `other`, and the kinds of the plugin's own.
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let code = error.kind.replace('-', "_");
        let mut problem = Self::new(status, &code, error.message);
        problem.refused = true;
        let details = error.details.and_then(|details| serde_json::from_str(&details).ok());
        if details.is_some() {
            problem.more.get_or_insert_default().details = details;
        }
        problem.retry = error.retryable && status == StatusCode::SERVICE_UNAVAILABLE;
        problem
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let code = fault.code();
        let said = |fault: &Fault| sentence(&fault.to_string());
        match &fault {
            Fault::Trap(_) | Fault::Limit(_) | Fault::BadOutput(_) => {
                Self::new(StatusCode::BAD_GATEWAY, code, said(&fault))
            }
            Fault::Timeout(_) => Self::new(StatusCode::GATEWAY_TIMEOUT, code, said(&fault)),
            Fault::InstanceBusy | Fault::Overloaded(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, code, said(&fault)).later()
            }
            Fault::InstanceReplaced | Fault::Taken(_) => {
                Self::new(StatusCode::CONFLICT, code, said(&fault))
            }
            Fault::Store(_) => {
                let detail =
                    "The store cannot be read or written now; nothing of this request was stored";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
                    .later()
                    .because(fault.to_string())
            }
            Fault::Unsettled => {
                let detail = "The store does not answer: whether what this request asked for will be stored is not known";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
                    .later()
                    .because(fault.to_string())
            }
            Fault::Host(cause) => Self::internal(cause.clone()),
        }
    }
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        let detail = error.to_string();
        match error {
            WebhookError::NotFound => Self::not_found(detail),
            WebhookError::Rejected(Rejection::BadSecret) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "webhook_secret_unusable", detail)
            }
            WebhookError::Rejected(_) => {
                Self::new(StatusCode::UNAUTHORIZED, "bad_signature", detail)
            }
            WebhookError::NoSecret(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "webhook_secret_missing", detail)
            }
            WebhookError::Call(error) => error.into(),
        }
    }
}

impl From<MutationError> for Problem {
    fn from(error: MutationError) -> Self {
        let detail = error.to_string();
        match error {
            MutationError::NotFound(_) => {
                Self::new(StatusCode::NOT_FOUND, "unknown_community", detail)
            }
            MutationError::Taken(_) => Self::new(StatusCode::CONFLICT, "community_exists", detail),
            MutationError::InvalidConfig { violations, .. } => {
                Self::new(StatusCode::BAD_REQUEST, "invalid_config", detail).with_errors(violations)
            }
            MutationError::Twice(_) => {
                Self::new(StatusCode::BAD_REQUEST, "duplicate_instance", detail)
            }
            MutationError::TooMuch(_) => {
                Self::new(StatusCode::BAD_REQUEST, "too_many_rows", detail)
            }
            MutationError::TooMany(_) => {
                Self::new(StatusCode::BAD_REQUEST, "too_many_plugins", detail)
            }
            MutationError::OtherScope(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "other_scope", detail)
            }
            MutationError::NoSuchInstance { .. } => {
                Self::new(StatusCode::NOT_FOUND, "unknown_instance", detail)
            }
            MutationError::Call(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Fault::from(error).into()
    }
}
