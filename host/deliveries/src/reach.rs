//! Which addresses an endpoint may be at. Pure.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use moothall_egress::Reach;
use moothall_store::EndpointRow;
use moothall_values::destination::is_same_origin;

/// Whether what drivers name may be on this machine. While there is no API key whoever asks is on it too;
/// from the first key on only if the operator says so.
#[derive(Clone)]
pub struct LocalReach(Arc<AtomicBool>);

impl LocalReach {
    pub fn new(operator_allows: bool, needs_key: bool) -> Self {
        let reach = Self(Arc::default());
        reach.set(operator_allows, needs_key);
        reach
    }

    pub fn set(&self, operator_allows: bool, needs_key: bool) {
        self.0.store(operator_allows || !needs_key, Ordering::Relaxed);
    }

    /// Of a URL that was put.
    pub fn of_put(&self) -> Reach {
        if self.0.load(Ordering::Relaxed) { Reach::Loopback } else { Reach::Public }
    }
}

/// A URL of the driver that the operator named himself may be anywhere, with its origin; one that was put or
/// posted, and a callback, where `local` says.
pub fn of(endpoint: &EndpointRow, driver: &EndpointRow, local: &LocalReach) -> Reach {
    let is_operators = driver.url_by == "environment";
    match endpoint.kind.as_str() {
        "driver" if is_operators => Reach::Any,
        "callback" if is_operators && is_same_origin(&endpoint.url, &driver.url) => Reach::Any,
        _ => local.of_put(),
    }
}
