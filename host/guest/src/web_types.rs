//! Between the host's HTTP messages and those that `bindgen!` made. Nothing but translation.

use super::bindings::global_webhooks::exports::moothall::plugin::global_webhooks as global;
use super::bindings::imports::moothall::plugin::web as wit;
use moothall_core::web;

pub fn incoming(request: &web::Request) -> wit::Incoming {
    wit::Incoming {
        method: request.method.clone(),
        path: request.path.clone(),
        query: request.query.clone(),
        headers: request.headers.clone(),
        body: request.body.clone(),
    }
}

pub fn response(response: wit::Response) -> web::Response {
    web::Response { status: response.status, headers: response.headers, body: response.body }
}

pub fn routed(routed: global::Routed) -> web::Routed {
    let target = |target| match target {
        global::Target::PlatformId(id) => web::Target::PlatformId(id),
        global::Target::RouteKey((pointer, value)) => web::Target::RouteKey { pointer, value },
    };
    web::Routed {
        response: routed.response.map(response),
        targets: routed.targets.into_iter().map(target).collect(),
    }
}
