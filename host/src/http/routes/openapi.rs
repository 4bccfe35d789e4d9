//! `/openapi.json`: the document of this host with its plugins; `/docs`: a viewer of it.

use std::sync::{Arc, LazyLock};

use axum::extract::State;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Map, Value};
use utoipa_swagger_ui::Config;

use crate::http::api::Api;
use crate::http::problem::Problem;
use crate::http::route::{Route, failure, get};
use moothall_core::scope::Scope;

/// The path of the viewer.
const VIEWER: &str = "/docs/";

/// The viewer may load only its own files.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

pub fn routes() -> Vec<Route> {
    vec![
        get("/openapi.json", "getOpenApi", "This document", show)
            .needs(Scope::Read)
            .answers::<Map<String, Value>>(200),
        get("/", "openRoot", "Redirects to the viewer", to_viewer)
            .needs(Scope::Read)
            .answers_nothing(303),
        get("/docs", "openDocs", "Redirects to the viewer", to_viewer)
            .needs(Scope::Read)
            .of_others()
            .answers_nothing(303),
        get("/docs/", "openViewer", "A viewer of this document", viewer)
            .needs(Scope::Read)
            .of_others()
            .answers_text(200, "text/html"),
        get("/docs/{*file}", "getViewerFile", "What the viewer loads", viewer)
            .needs(Scope::Read)
            .of_others()
            .answers_text(200, "*/*")
            .fails(failure::NOT_FOUND),
    ]
}

async fn to_viewer() -> Redirect {
    Redirect::to(VIEWER)
}

/// The viewer's configuration: the path of the document.
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

async fn show(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    let plugins = api.context.plugins.all();
    let text = api.openapi.text(&plugins);
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], text)
        .into_response())
}
