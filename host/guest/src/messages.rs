//! HTTP messages: the host's own to those that `bindgen!` made, and back.

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
