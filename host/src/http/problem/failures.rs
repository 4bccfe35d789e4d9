//! Failures of calls, webhooks, mutations and the store, each with its status and code.

use axum::http::StatusCode;

use crate::http::problem::code::Code;
use crate::http::problem::{Problem, sentence};
use moothall_background::webhooks::WebhookError;
use moothall_deliveries::endpoints::EndpointError;
use moothall_engine::calls::CallError;
use moothall_engine::mutations::MutationError;
use moothall_engine::plugins::Away;
use moothall_guest::{Fault, GuestError, Kind};
use moothall_store::StoreError;

impl Problem {
    /// For a public action: if it cannot be called, the answer does not reveal which communities, plugins and
    /// instances exist.
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
                Self::new(StatusCode::BAD_REQUEST, Code::UnknownCommunity, detail)
            }
            CallError::UnknownPlugin { .. } => {
                Self::new(StatusCode::NOT_FOUND, Code::UnknownPlugin, detail)
            }
            CallError::UnknownAction { .. } => {
                Self::new(StatusCode::NOT_FOUND, Code::UnknownAction, detail)
            }
            CallError::UnknownProcess { .. } => {
                Self::new(StatusCode::NOT_FOUND, Code::UnknownProcess, detail)
            }
            CallError::NotEnabled { .. } => {
                Self::new(StatusCode::BAD_REQUEST, Code::PluginNotEnabled, detail)
            }
            CallError::Ambiguous { .. } => {
                Self::new(StatusCode::BAD_REQUEST, Code::AmbiguousInstance, detail)
            }
            CallError::NoSuchPlatform { .. } => {
                Self::new(StatusCode::BAD_REQUEST, Code::UnknownInstance, detail)
            }
            CallError::InvalidParameters(violations) => {
                Self::invalid(Code::InvalidParameters, &detail, "parameters", violations)
            }
            CallError::TooManyProcesses(_) => {
                Self::new(StatusCode::CONFLICT, Code::TooManyProcesses, detail)
            }
            CallError::AlreadyCompleted => {
                Self::new(StatusCode::BAD_REQUEST, Code::AlreadyCompleted, detail)
            }
            CallError::NotClosed(_) => Self::new(StatusCode::BAD_GATEWAY, Code::NotClosed, detail),
            CallError::NoClose { .. } => {
                Self::new(StatusCode::NOT_IMPLEMENTED, Code::NoClose, detail)
            }
            CallError::Refused(refusal, _) => refusal.into(),
            CallError::PluginUnavailable(_, Away::Compiling) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::Compiling, detail).later()
            }
            CallError::PluginUnavailable(_, Away::Gone) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::PluginUnavailable, detail).later()
            }
            CallError::ConfigInvalid { violations, .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::ConfigInvalid, detail)
                    .with_errors(violations)
            }
            CallError::UpgradeFailed { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::UpgradeFailed, detail)
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
        let mut problem = Self::new(status, code_of(&error.kind), error.message);
        problem.refused = true;
        if let Kind::Own(_) = error.kind {
            problem.more.get_or_insert_default().own_kind = Some(error.kind.code().into());
        }
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
        let code = code_of_fault(&fault);
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
                Self::new(StatusCode::UNAUTHORIZED, Code::BadSignature, detail)
            }
            WebhookError::NoSecret(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::WebhookSecretMissing, detail)
            }
            WebhookError::UnusableSecret(..) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::WebhookSecretUnusable, detail)
            }
            WebhookError::Handshake(_) => {
                Self::new(StatusCode::FORBIDDEN, Code::HandshakeRefused, detail)
            }
            WebhookError::TooLarge(_) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, Code::BodyTooLarge, detail)
            }
            WebhookError::NoRoom => Self::no_room(detail),
            WebhookError::Coding(_) => {
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::UnknownEncoding, detail)
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
                Self::new(StatusCode::NOT_FOUND, Code::UnknownCommunity, detail)
            }
            MutationError::Taken(_) => {
                Self::new(StatusCode::CONFLICT, Code::CommunityExists, detail)
            }
            MutationError::InvalidConfig { violations, .. } => {
                Self::invalid(Code::InvalidConfig, &detail, "config", violations)
            }
            MutationError::NotRegistered(_) => {
                Self::new(StatusCode::BAD_REQUEST, Code::UnknownPlugin, detail)
            }
            MutationError::OtherPlatform { .. } => Self::bad_request(detail),
            MutationError::Twice(_) => {
                Self::new(StatusCode::BAD_REQUEST, Code::DuplicateInstance, detail)
            }
            MutationError::NoConfig(_) => {
                Self::new(StatusCode::BAD_REQUEST, Code::AmbiguousInstance, detail)
            }
            MutationError::TooMuch(_) => {
                Self::new(StatusCode::BAD_REQUEST, Code::TooManyRows, detail)
            }
            MutationError::TooMany(_) => {
                Self::new(StatusCode::BAD_REQUEST, Code::TooManyPlugins, detail)
            }
            MutationError::OtherScope(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, Code::OtherScope, detail)
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

fn code_of(kind: &Kind) -> Code {
    match kind {
        Kind::Invalid => Code::Invalid,
        Kind::Unauthorized => Code::Unauthorized,
        Kind::Forbidden => Code::Forbidden,
        Kind::NotFound => Code::NotFound,
        Kind::Conflict => Code::Conflict,
        Kind::Unavailable => Code::Unavailable,
        Kind::Internal => Code::Internal,
        Kind::Own(_) => Code::OwnKind,
    }
}

/// The same as `Fault::code` in the log.
fn code_of_fault(fault: &Fault) -> Code {
    match fault {
        Fault::Trap(_) => Code::PluginTrap,
        Fault::Limit(_) => Code::PluginLimit,
        Fault::Timeout(_) => Code::PluginTimeout,
        Fault::BadOutput(_) => Code::PluginBadOutput,
        Fault::InstanceBusy => Code::InstanceBusy,
        Fault::Overloaded(_) => Code::Overloaded,
        Fault::InstanceReplaced => Code::InstanceReplaced,
        Fault::Taken(_) => Code::Conflict,
        Fault::Store(_) | Fault::Unsettled => Code::StoreUnavailable,
        Fault::Host(_) => Code::Internal,
    }
}

impl From<EndpointError> for Problem {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::Store(error) => error.into(),
            EndpointError::Secret(cause) => Self::internal(cause),
        }
    }
}
