//! How requests to a route can fail: the statuses and codes that a route declares, and those that follow from its other
//! declarations. `problem` chooses the statuses; the end-to-end tests check every answer against this list.

use crate::http::problem::code::Code;

/// A status, and a code that goes with it.
pub type Failure = (u16, Code);

/// Of every route.
pub const ALWAYS: &[Failure] = &[
    (400, Code::BadRequest),
    (500, Code::Internal),
    (503, Code::StoreUnavailable),
    (503, Code::Overloaded),
];
pub const OF_KEY: &[Failure] = &[(401, Code::Unauthorized), (403, Code::ForeignRequest)];
pub const OF_BODY: &[Failure] = &[
    (400, Code::MalformedJson),
    (408, Code::BodyTooSlow),
    (413, Code::BodyTooLarge),
    (415, Code::UnknownEncoding),
];
pub const OF_ONCE: &[Failure] =
    &[(409, Code::StillRunning), (422, Code::IdempotencyKeyReused), (429, Code::DayUsedUp)];
/// Where a hook is asked. What a step prevents has any status.
pub const OF_HOOK: &[Failure] = &[(403, Code::Prevented), (502, Code::HookFailed)];

/// Of what names a community, and perhaps one of several instances, in headers.
pub const CHOICE: &[Failure] = &[
    (400, Code::AmbiguousInstance),
    (400, Code::MissingHeader),
    (400, Code::PluginNotEnabled),
    (400, Code::UnknownCommunity),
    (400, Code::UnknownInstance),
    (404, Code::UnknownPlugin),
];
/// Of what calls a plugin: its own errors, its faults, and what keeps it from being called.
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
/// Of what gives a community plugins.
pub const ENABLING: &[Failure] = &[
    (400, Code::AmbiguousInstance),
    (400, Code::DuplicateInstance),
    (400, Code::InvalidConfig),
    (400, Code::TooManyPlugins),
    (400, Code::TooManyRows),
    (400, Code::UnknownPlugin),
    (422, Code::OtherScope),
];
/// Of a list that can be asked for one community, or for one plugin.
pub const COMMUNITY: &[Failure] = &[(400, Code::UnknownCommunity)];
pub const PLUGIN: &[Failure] = &[(400, Code::UnknownPlugin)];
/// The path itself names what is not there.
pub const NOT_FOUND: &[Failure] = &[(404, Code::NotFound)];
