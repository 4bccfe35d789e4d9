//! How a request to a route can fail: statuses and codes, as the route declares them and as follows from what else it
//! declares. Statuses are chosen in `error`; the end-to-end tests hold every answer against this.

use std::collections::BTreeSet;

use axum::http::Method;

use super::{Access, Once, Route};

/// A status, and a code that goes with it.
pub type Failure = (u16, &'static str);

/// What stands in place of a code where a plugin chooses a kind of its own.
pub const OWN_KIND: &str = "plugin:…";

/// Where there is no route.
pub const NOWHERE: &[Failure] = &[(404, "not_found"), (405, "method_not_allowed")];
/// Of every route.
const ALWAYS: &[Failure] =
    &[(400, "bad_request"), (500, "internal"), (503, "store_unavailable"), (503, "overloaded")];
const OF_KEY: &[Failure] = &[(401, "unauthorized"), (403, "foreign_request")];
const OF_BODY: &[Failure] = &[
    (400, "malformed_json"),
    (408, "body_too_slow"),
    (413, "body_too_large"),
    (415, "unknown_encoding"),
];
const OF_ONCE: &[Failure] =
    &[(409, "still_running"), (422, "idempotency_key_reused"), (429, "day_used_up")];
/// Where a hook is asked. What a step prevents has any status.
const OF_HOOK: &[Failure] = &[(403, "prevented"), (502, "hook_failed")];

/// Of what names a community, and perhaps one of several instances, in headers.
pub const CHOICE: &[Failure] = &[
    (400, "ambiguous_instance"),
    (400, "missing_header"),
    (400, "plugin_not_enabled"),
    (400, "unknown_community"),
    (400, "unknown_instance"),
    (404, "unknown_plugin"),
];
/// Of what calls a plugin: its own errors, its faults, and what keeps it from being called.
pub const CALL: &[Failure] = &[
    (400, "invalid"),
    (401, "unauthorized"),
    (403, "forbidden"),
    (404, "not_found"),
    (409, "conflict"),
    (409, "instance_replaced"),
    (500, OWN_KIND),
    (502, "plugin_bad_output"),
    (502, "plugin_limit"),
    (502, "plugin_trap"),
    (503, "compiling"),
    (503, "config_invalid"),
    (503, "instance_busy"),
    (503, "plugin_unavailable"),
    (503, "unavailable"),
    (503, "upgrade_failed"),
    (504, "plugin_timeout"),
];
/// Of what gives a community plugins.
pub const ENABLING: &[Failure] = &[
    (400, "ambiguous_instance"),
    (400, "duplicate_instance"),
    (400, "invalid_config"),
    (400, "too_many_plugins"),
    (400, "too_many_rows"),
    (400, "unknown_plugin"),
    (422, "other_scope"),
];
/// Of a list that can be asked for one community, or for one plugin.
pub const COMMUNITY: &[Failure] = &[(400, "unknown_community")];
pub const PLUGIN: &[Failure] = &[(400, "unknown_plugin")];
/// The path itself names what is not there.
pub const NOT_FOUND: &[Failure] = &[(404, "not_found")];

impl Route {
    /// All of them.
    pub fn failures(&self) -> BTreeSet<Failure> {
        let is_once = self.method == Method::POST && matches!(self.once, Once::Yes);
        let follow: [(bool, &[Failure]); 5] = [
            (true, ALWAYS),
            (self.access == Access::Key, OF_KEY),
            (self.body.is_some() || is_once, OF_BODY),
            (is_once, OF_ONCE),
            (self.by_others, OF_HOOK),
        ];
        let followed = follow.into_iter().filter(|(follows, _)| *follows).map(|(_, of)| of);
        followed.chain(self.fails.iter().copied()).flatten().copied().collect()
    }
}
