//! HTTP messages as plugins see them, without any HTTP library: webhooks' requests and plugins' answers. Plain
//! data, so that a request can wait in the store.

use serde::{Deserialize, Serialize};

/// A request that reached the host for a plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Upper case.
    pub method: String,
    /// Percent-encoded, without the query.
    pub path: String,
    /// Percent-encoded; empty if there is none.
    pub query: String,
    /// Lower-case names, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The raw bytes; plain once their signature was verified.
    pub body: Vec<u8>,
}

/// A plugin's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// About how many bytes it has.
    pub fn bytes(&self) -> u64 {
        let headers: usize =
            self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        (self.path.len() + self.query.len() + headers + self.body.len()) as u64
    }

    /// The first header with that lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }
}

/// What a global webhook's method answered to a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routed {
    pub response: Option<Response>,
    pub targets: Vec<Target>,
}

/// Which instances a global webhook's request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The instance with this `community_platform_id`.
    PlatformId(String),
    /// The instances whose config has this text at this JSON Pointer.
    RouteKey { pointer: String, value: String },
}
