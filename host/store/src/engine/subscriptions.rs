//! The writer's cache of which endpoints subscribe to what: each event asks for it. `tables::subscriptions` fills it. Every
//! write that changes who subscribes to what empties it, and so does a write that fails, because it may have read rows
//! that were rolled back.

use std::cell::RefCell;
use std::sync::Arc;

use moothall_core::endpoint::EndpointOrdering;
use moothall_core::events::matches;
use moothall_core::ids::EndpointId;

/// The cached subscriptions, if there are any.
#[derive(Default)]
pub struct Subscriptions(RefCell<Option<Arc<[Subscription]>>>);

pub struct Subscription {
    pub endpoint: EndpointId,
    pub is_driver: bool,
    pub ordering: EndpointOrdering,
    /// 0: all.
    pub community: i64,
    pub patterns: Vec<String>,
}

impl Subscriptions {
    pub fn forget(&self) {
        self.0.replace(None);
    }

    /// The cached subscriptions; if there are none, calls `read` and caches what it returns.
    pub fn or_read<E>(
        &self,
        read: impl FnOnce() -> Result<Vec<Subscription>, E>,
    ) -> Result<Arc<[Subscription]>, E> {
        if let Some(known) = &*self.0.borrow() {
            return Ok(known.clone());
        }
        let all: Arc<[Subscription]> = read()?.into();
        self.0.replace(Some(all.clone()));
        Ok(all)
    }
}

impl Subscription {
    /// Whether it is for an event of that community. The driver gets no events of the API itself.
    pub fn is_for(&self, community: i64, source: &str, event_type: &str) -> bool {
        (self.community == 0 || self.community == community)
            && !(self.is_driver && source == "api")
            && self.patterns.iter().any(|pattern| matches(pattern, source, event_type))
    }
}
