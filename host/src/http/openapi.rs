//! `/openapi.json`: what can be asked of this host as it is now; `/docs`: a viewer of it that needs
//! nothing from elsewhere.

mod document;
mod routes;

#[cfg(test)]
pub use routes::ROUTES;
pub use routes::route_of;

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::Api;
use super::error::Problem;

/// What the viewer may load: its own files, and nothing from elsewhere.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/openapi.json", get(show))
        .route("/", get(async || Redirect::to("/docs/")))
        .merge(viewer())
}

fn viewer() -> Router<Arc<Api>> {
    let viewer = SwaggerUi::new("/docs").config(Config::from("/openapi.json"));
    Router::from(viewer).layer(axum::middleware::map_response(restrict))
}

async fn restrict(mut response: Response) -> Response {
    let policy = HeaderValue::from_static(POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// The document for the plugins that served when it was made: their marks, and its text.
#[derive(Default)]
pub struct Cache(ArcSwapOption<(Vec<i64>, Bytes)>);

async fn show(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    let plugins = api.calls.plugins.all();
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
