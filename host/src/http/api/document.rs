//! Caches the OpenAPI document until the plugins that serve change.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use axum::body::Bytes;
use serde_json::Value;

use moothall_core::ids::PluginDigestId;
use moothall_engine::plugins::Plugin;

/// Makes the document for the plugins that serve.
pub type MakeDocument = fn(&[Arc<Plugin>]) -> Value;

/// The document for the plugins that served when it was made: the ids of their digests, and its text.
pub struct CachedDocument {
    make: MakeDocument,
    made: ArcSwapOption<(Vec<PluginDigestId>, Bytes)>,
}

impl CachedDocument {
    pub fn new(make: MakeDocument) -> Self {
        Self { make, made: ArcSwapOption::default() }
    }

    /// The document for the plugins that serve now.
    pub fn text(&self, plugins: &[Arc<Plugin>]) -> Bytes {
        let ids: Vec<_> = plugins.iter().map(|plugin| plugin.digest_id).collect();
        if let Some(made) = self.made.load_full().filter(|made| made.0 == ids) {
            return made.1.clone();
        }
        let text = Bytes::from((self.make)(plugins).to_string());
        self.made.store(Some(Arc::new((ids, text.clone()))));
        text
    }
}
