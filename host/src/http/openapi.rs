//! `/openapi.json`: what can be asked of this host as it is now; `/docs`: a viewer of it that needs
//! nothing from elsewhere.

pub mod bodies;
mod document;
mod schemas;
mod shapes;
mod targets;

use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwapOption;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Map, Value};
use utoipa_swagger_ui::Config;

use super::Api;
use super::error::Problem;
use super::route::{Route, failure, get};

/// Where the viewer is.
const VIEWER: &str = "/docs/";

/// What the viewer may load: its own files, and nothing from elsewhere.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

pub fn routes() -> Vec<Route> {
    vec![
        get("/openapi.json", "getOpenApi", "This document", show)
            .answers::<Map<String, Value>>(200),
        get("/", "openRoot", "Redirects to the viewer", to_viewer).answers_nothing(303),
        get("/docs", "openDocs", "Redirects to the viewer", to_viewer)
            .of_others()
            .answers_nothing(303),
        get("/docs/", "openViewer", "A viewer of this document", viewer)
            .of_others()
            .answers_text(200, "text/html"),
        get("/docs/{*file}", "getViewerFile", "What the viewer loads", viewer)
            .of_others()
            .answers_text(200, "*/*")
            .fails(failure::NOT_FOUND),
    ]
}

async fn to_viewer() -> Redirect {
    Redirect::to(VIEWER)
}

/// What the viewer is told: where the document is.
static CONFIG: LazyLock<Arc<Config<'_>>> =
    LazyLock::new(|| Arc::new(Config::from("/openapi.json")));

async fn viewer(uri: Uri) -> Result<Response, Problem> {
    let name = uri.path().strip_prefix(VIEWER).unwrap_or_default();
    let found = utoipa_swagger_ui::serve(name, CONFIG.clone());
    let found = found.map_err(|error| Problem::internal(format!("the viewer: {error}")))?;
    let file = found.ok_or_else(|| Problem::not_found("The viewer has no such file"))?;
    let headers = [
        (header::CONTENT_TYPE, file.content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
    ];
    Ok((headers, file.bytes).into_response())
}

/// The document for the plugins that served when it was made: their marks, and its text.
#[derive(Default)]
pub struct Cache(ArcSwapOption<(Vec<i64>, Bytes)>);

async fn show(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    let plugins = api.context.plugins.all();
    let marks: Vec<i64> = plugins.iter().map(|plugin| plugin.mark).collect();
    let cached = api.openapi.0.load_full().filter(|cached| cached.0 == marks);
    let text = match cached {
        Some(cached) => cached.1.clone(),
        None => {
            let text = Bytes::from(document::document(&plugins).to_string());
            api.openapi.0.store(Some(Arc::new((marks, text.clone()))));
            text
        }
    };
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], text)
        .into_response())
}
