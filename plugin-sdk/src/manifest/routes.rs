//! What a manifest says of a route.

use serde::Serialize;

/// One of the plugin's own HTTP routes.
#[derive(Debug, Clone, Serialize)]
pub struct Route {
    path: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    methods: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<&'static str>,
}

impl Route {
    /// A route that answers `GET`, unless you add other methods.
    pub fn new(path: &'static str) -> Self {
        Self { path, methods: Vec::new(), auth: None }
    }

    /// Adds a method that it answers.
    #[must_use]
    pub fn method(mut self, method: &'static str) -> Self {
        self.methods.push(method);
        self
    }

    /// Who may send requests: `driver` or `public`.
    #[must_use]
    pub fn auth(mut self, auth: &'static str) -> Self {
        self.auth = Some(auth);
        self
    }
}
