//! Which addresses an endpoint may be at. Pure.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use moothall_core::endpoint::{EndpointKind, UrlBy};
use moothall_egress::Reach;
use moothall_store::EndpointRow;
use moothall_values::destination::is_same_origin;

/// Whether URLs that drivers name may be on this machine. While there is no API key, requests come only from this machine,
/// and so they may; from the first key on only if the operator says so.
#[derive(Clone)]
pub struct LocalReach(Arc<AtomicBool>);

/// What decides it.
#[derive(Clone, Copy, Debug)]
pub struct LocalRule {
    pub operator_allows: bool,
    /// Whether requests need an API key.
    pub needs_key: bool,
}

impl LocalReach {
    pub fn new(rule: LocalRule) -> Self {
        let reach = Self(Arc::default());
        reach.set(rule);
        reach
    }

    pub fn set(&self, rule: LocalRule) {
        self.0.store(rule.operator_allows || !rule.needs_key, Ordering::Relaxed);
    }

    /// The policy for a URL that a driver gave.
    pub fn of_put(&self) -> Reach {
        if self.0.load(Ordering::Relaxed) { Reach::Loopback } else { Reach::Public }
    }
}

/// The driver's URL that the operator named may be anywhere. URLs that came through the API, and callbacks, may be where
/// `local` says.
pub fn of(endpoint: &EndpointRow, driver: &EndpointRow, local: &LocalReach) -> Reach {
    let is_operators = driver.url_by == UrlBy::Environment;
    match endpoint.kind {
        EndpointKind::Driver if is_operators => Reach::Any,
        EndpointKind::Callback if is_operators && is_same_origin(&endpoint.url, &driver.url) => {
            Reach::Any
        }
        _ => local.of_put(),
    }
}
