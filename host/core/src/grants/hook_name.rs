//! How a grant may name a hook.

use moothall_values::manifest::short_name;

/// `action.requested` is short for the host's own hook `org.moothall.action.requested.v1`.
pub fn is_hook(granted: &str, hook: &str) -> bool {
    granted == hook || short_name(hook) == Some(granted)
}
