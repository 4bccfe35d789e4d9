//! What a hook is run with.

use std::sync::Arc;

use super::Hook;
use crate::communities::Community;
use moothall_core::ids::RequestId;

pub struct Run {
    pub hook: Arc<Hook>,
    /// None for a hook of no community.
    pub community: Option<Arc<Community>>,
    /// A JSON text that was checked.
    pub data: String,
    pub request_id: RequestId,
    /// False in a dry run that sends nothing: then no webfilter is asked.
    pub may_send: bool,
}
