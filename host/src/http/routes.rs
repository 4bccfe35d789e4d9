//! All routes: a file or a folder for each noun, with the handlers and their declarations.

pub mod actions;
pub mod changes;
pub mod communities;
pub mod deliveries;
pub mod endpoints;
pub mod events;
pub mod failed_calls;
pub mod hooks;
pub mod identity;
pub mod keys;
pub mod oauth;
pub mod openapi;
pub mod operating;
pub mod plugin_routes;
pub mod plugins;
pub mod processes;
pub mod recordings;
pub mod schedules;
pub mod webhooks;
pub mod workers;

use crate::http::route::Route;

/// The function with the routes of a module.
pub type Routes = fn() -> Vec<Route>;

/// The whole HTTP API: the modules with routes, and the OpenAPI group of each.
pub const NOUNS: [(&str, Routes); 20] = [
    ("actions", actions::routes),
    ("communities", communities::routes),
    ("plugins", plugins::routes),
    ("processes", processes::routes),
    ("webhooks", webhooks::routes),
    ("plugins", plugin_routes::routes),
    ("oauth", oauth::routes),
    ("identity", identity::routes),
    ("events", events::routes),
    ("events", endpoints::routes),
    ("events", deliveries::routes),
    ("events", changes::routes),
    ("hooks", hooks::routes),
    ("operating", workers::routes),
    ("operating", schedules::routes),
    ("operating", failed_calls::routes),
    ("operating", recordings::routes),
    ("operating", keys::routes),
    ("operating", operating::routes),
    ("operating", openapi::routes),
];
