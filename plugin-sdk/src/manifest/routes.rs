//! What a manifest says of a route.

use super::document::Object;

/// One of the plugin's own HTTP routes.
#[derive(Debug, Clone)]
pub struct Route(pub(super) Object);

impl Route {
    /// A route that answers `GET`, unless you add other methods.
    pub fn new(path: &'static str) -> Self {
        Self(Object::with("path", path))
    }

    /// Adds a method that it answers.
    #[must_use]
    pub fn method(mut self, method: &'static str) -> Self {
        self.0.push_text("methods", method);
        self
    }

    /// Who may send requests: `driver` or `public`.
    #[must_use]
    pub fn auth(mut self, auth: &'static str) -> Self {
        self.0.text("auth", auth);
        self
    }
}
