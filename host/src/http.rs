//! HTTP: all routes and the request middleware, without the logic that routes call.
//!
//! Handlers take requests apart and build answers; the crates below do the rest. Only this module names `axum`, and
//! only `problem` chooses statuses of failures.

mod api;
mod html;
mod json_text;
mod keys;
mod middleware;
mod openapi;
mod peer;
mod problem;
mod route;
mod routes;
pub mod serve;
mod table;

pub use api::Api;
pub use api::document::CachedDocument;
pub use api::known_keys::KnownKeys;
pub use api::streams::Streams;
pub use keys::{Keys, MOST_KEPT_HOURS, Purpose, new_secret};
pub use middleware::RequestMiddleware;
pub use middleware::access::is_loopback;
pub use middleware::body_budget::Bodies;
pub use openapi::document::document as openapi_document;
pub use routes::plugins::metadata as plugin_metadata;
