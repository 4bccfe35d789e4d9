//! The writer's cache of which endpoints subscribe to what, and of how many deliveries have no row yet: each event asks for
//! both. The tables fill it. Every write that changes who subscribes to what empties it, and so does a write that fails,
//! because it may have read rows that were rolled back.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use moothall_core::endpoint::EndpointOrdering;
use moothall_core::events::matches;
use moothall_core::ids::{EndpointId, Position};

/// What is cached, if it is known.
#[derive(Default)]
pub struct Subscriptions {
    all: RefCell<Option<Arc<[Subscription]>>>,
    rowless: Cell<Option<Rowless>>,
}

/// The events whose deliveries have no rows yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rowless {
    /// Each delivery of an event up to this position has its row.
    pub after: Position,
    /// How many deliveries have none.
    pub deliveries: usize,
}

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
        self.all.replace(None);
        self.rowless.set(None);
    }

    pub fn rowless(&self) -> Option<Rowless> {
        self.rowless.get()
    }

    pub fn set_rowless(&self, rowless: Rowless) {
        self.rowless.set(Some(rowless));
    }

    /// The cached subscriptions; if there are none, calls `read` and caches what it returns.
    pub fn or_read<E>(
        &self,
        read: impl FnOnce() -> Result<Vec<Subscription>, E>,
    ) -> Result<Arc<[Subscription]>, E> {
        if let Some(known) = &*self.all.borrow() {
            return Ok(known.clone());
        }
        let all: Arc<[Subscription]> = read()?.into();
        self.all.replace(Some(all.clone()));
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
