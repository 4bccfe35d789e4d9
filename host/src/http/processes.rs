//! `/api/internal/process`

use std::sync::Arc;

use axum::Router;

use super::Api;

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
}
