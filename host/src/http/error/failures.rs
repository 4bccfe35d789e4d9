//! Failures of calls, webhooks, mutations and the store: whose fault each is, as a status and a code.

use axum::http::StatusCode;

use super::{Problem, sentence};
use crate::calls::{CallError, NOT_CLOSED};
use crate::guest::{Fault, GuestError, Kind};
use crate::mutations::MutationError;
use crate::plugins::Away;
use crate::store::StoreError;
use crate::webhooks::WebhookError;

impl Problem {
    /// Of a public action: where nothing can be called, nobody learns which communities, plugins and instances
    /// there are.
    pub fn of_public(error: CallError) -> Self {
        match error {
            CallError::UnknownCommunity(_)
            | CallError::UnknownPlugin { .. }
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
        let (detail, call) = (error.to_string(), error.call().cloned());
        let problem = match error {
            CallError::UnknownCommunity(_) => {
                Self::new(StatusCode::BAD_REQUEST, "unknown_community", detail)
            }
            CallError::UnknownPlugin { .. } => {
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
                Self::invalid("invalid_parameters", &detail, "parameters", violations)
            }
            CallError::TooManyProcesses(_) => {
                Self::new(StatusCode::CONFLICT, "too_many_processes", detail)
            }
            CallError::AlreadyCompleted => {
                Self::new(StatusCode::BAD_REQUEST, "already_completed", detail)
            }
            CallError::NotClosed(_) => Self::new(StatusCode::BAD_GATEWAY, NOT_CLOSED, detail),
            CallError::NoClose { .. } => Self::new(StatusCode::NOT_IMPLEMENTED, "no_close", detail),
            CallError::Refused(refusal, _) => refusal.into(),
            CallError::PluginUnavailable(_, Away::Compiling) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "compiling", detail).later()
            }
            CallError::PluginUnavailable(_, Away::Gone) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "plugin_unavailable", detail).later()
            }
            CallError::ConfigInvalid { violations, .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "config_invalid", detail)
                    .with_errors(violations)
            }
            CallError::UpgradeFailed { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "upgrade_failed", detail)
            }
            CallError::Fault(fault, _) => fault.into(),
        };
        problem.of_call(call)
    }
}

impl From<GuestError> for Problem {
    fn from(error: GuestError) -> Self {
        let status = match &error.kind {
            Kind::Invalid => StatusCode::BAD_REQUEST,
            Kind::Unauthorized => StatusCode::UNAUTHORIZED,
            Kind::Forbidden => StatusCode::FORBIDDEN,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Conflict => StatusCode::CONFLICT,
            Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Internal | Kind::Own(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let mut problem = Self::new(status, &error.kind.code(), error.message);
        problem.refused = true;
        if error.details.is_some() {
            problem.more.get_or_insert_default().details = error.details;
        }
        if error.retryable {
            problem = problem.later();
        }
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
            WebhookError::Rejected(_) => {
                Self::new(StatusCode::UNAUTHORIZED, "bad_signature", detail)
            }
            WebhookError::NoSecret(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "webhook_secret_missing", detail)
            }
            WebhookError::UnusableSecret(..) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "webhook_secret_unusable", detail)
            }
            WebhookError::Handshake(_) => {
                Self::new(StatusCode::FORBIDDEN, "handshake_refused", detail)
            }
            WebhookError::TooLarge(_) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
            }
            WebhookError::NoRoom => Self::no_room(detail),
            WebhookError::Coding(_) => {
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unknown_encoding", detail)
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
                Self::invalid("invalid_config", &detail, "config", violations)
            }
            MutationError::NotRegistered(_) => {
                Self::new(StatusCode::BAD_REQUEST, "unknown_plugin", detail)
            }
            MutationError::OtherPlatform { .. } => Self::bad_request(detail),
            MutationError::Twice(_) => {
                Self::new(StatusCode::BAD_REQUEST, "duplicate_instance", detail)
            }
            MutationError::NoConfig(_) => {
                Self::new(StatusCode::BAD_REQUEST, "ambiguous_instance", detail)
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
            MutationError::NoSuchInstance { plugin, id } => {
                Self::no_instance(&plugin, &id.to_string())
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
