//! Which addresses an endpoint may be at. Pure.

use crate::destination::is_same_origin;
use crate::egress::Reach;
use crate::store::EndpointRow;

/// A URL of the driver that the operator named himself may be anywhere, with its origin; one that was put,
/// and a callback, may be on this machine while the host serves only this machine.
pub fn of(endpoint: &EndpointRow, driver: &EndpointRow, is_local: bool) -> Reach {
    let is_operators = driver.url_by == "environment";
    match endpoint.kind.as_str() {
        "driver" if is_operators => Reach::Any,
        "callback" if is_operators && is_same_origin(&endpoint.url, &driver.url) => Reach::Any,
        "driver" | "callback" => of_put(is_local),
        _ => Reach::Public,
    }
}

/// Of a driver's URL that was put.
pub fn of_put(is_local: bool) -> Reach {
    if is_local { Reach::Loopback } else { Reach::Public }
}
