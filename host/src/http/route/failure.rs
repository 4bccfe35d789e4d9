//! How requests to a route can fail: the statuses and codes that a route declares, and those that follow from its other
//! declarations. `problem` chooses the statuses; the end-to-end tests check every answer against this list.

use crate::http::problem::code::Code;

/// A status, and a code that it may have.
pub type Failure = (u16, Code);

/// Failures of every route.
pub const ALWAYS: &[Failure] = &[
    (400, Code::BadRequest),
    (500, Code::Internal),
    (503, Code::StoreUnavailable),
    (503, Code::Overloaded),
];
pub const OF_KEY: &[Failure] =
    &[(401, Code::Unauthorized), (403, Code::ForeignRequest), (403, Code::Scope)];
pub const OF_BODY: &[Failure] = &[
    (400, Code::MalformedJson),
    (408, Code::BodyTooSlow),
    (413, Code::BodyTooLarge),
    (415, Code::UnknownEncoding),
];
pub const OF_ONCE: &[Failure] =
    &[(409, Code::StillRunning), (422, Code::IdempotencyKeyReused), (429, Code::DayUsedUp)];
/// Failures of routes that run a hook. If a step halts the request, the status may be any.
pub const OF_HOOK: &[Failure] = &[(403, Code::Prevented), (502, Code::HookFailed)];

/// Failures of routes whose headers name a community, and perhaps one of several instances.
pub const CHOICE: &[Failure] = &[
    (400, Code::AmbiguousInstance),
    (400, Code::MissingHeader),
    (400, Code::PluginNotEnabled),
    (400, Code::UnknownCommunity),
    (400, Code::UnknownInstance),
    (404, Code::UnknownPlugin),
];
/// Failures of routes that call a plugin: its errors, its faults, and reasons why it cannot be called.
pub const CALL: &[Failure] = &[
    (400, Code::Invalid),
    (401, Code::Unauthorized),
    (403, Code::Forbidden),
    (404, Code::NotFound),
    (409, Code::Conflict),
    (409, Code::InstanceReplaced),
    (500, Code::OwnKind),
    (502, Code::PluginBadOutput),
    (502, Code::PluginLimit),
    (502, Code::PluginTrap),
    (503, Code::Compiling),
    (503, Code::ConfigInvalid),
    (503, Code::InstanceBusy),
    (503, Code::PluginUnavailable),
    (503, Code::Unavailable),
    (503, Code::UpgradeFailed),
    (504, Code::PluginTimeout),
];
/// Failures of routes that enable plugins for a community.
pub const ENABLING: &[Failure] = &[
    (400, Code::AmbiguousInstance),
    (400, Code::DuplicateInstance),
    (400, Code::InvalidConfig),
    (400, Code::TooManyPlugins),
    (400, Code::TooManyRows),
    (400, Code::UnknownPlugin),
    (422, Code::OtherScope),
];
/// Failures of lists with filters for a community or a plugin.
pub const COMMUNITY: &[Failure] = &[(400, Code::UnknownCommunity)];
pub const PLUGIN: &[Failure] = &[(400, Code::UnknownPlugin)];
/// The path names something that does not exist.
pub const NOT_FOUND: &[Failure] = &[(404, Code::NotFound)];
