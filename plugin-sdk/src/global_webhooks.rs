//! The result of a method with `#[global_webhook]`: which instances a request is for. It names them by values
//! of their configuration and never by the host's ids.

use crate::WebhookResponse;
use crate::bindings::global_webhooks::exports::moothall::plugin::global_webhooks as wit;

/// The instances that a webhook for the whole platform is for, and the answer to the platform.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routed {
    response: Option<WebhookResponse>,
    targets: Vec<Target>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    PlatformId(String),
    RouteKey(String, String),
}

impl Routed {
    /// For no instance; the platform gets a 200, unless [`respond`](Self::respond) says something else.
    pub fn nowhere() -> Self {
        Self::default()
    }

    /// For the instance with this `community_platform_id`.
    pub fn to_platform(id: impl Into<String>) -> Self {
        Self::nowhere().and_to_platform(id)
    }

    /// For the instances whose config has this text at this JSON Pointer, one of the plugin's `route_keys`.
    pub fn to_route_key(pointer: impl Into<String>, text: impl Into<String>) -> Self {
        Self::nowhere().and_to_route_key(pointer, text)
    }

    /// Also to the instance with this `community_platform_id`.
    #[must_use]
    pub fn and_to_platform(mut self, id: impl Into<String>) -> Self {
        self.targets.push(Target::PlatformId(id.into()));
        self
    }

    /// Also to the instances whose config has this text at this JSON Pointer.
    #[must_use]
    pub fn and_to_route_key(mut self, pointer: impl Into<String>, text: impl Into<String>) -> Self {
        self.targets.push(Target::RouteKey(pointer.into(), text.into()));
        self
    }

    /// Answers the platform with this response, as soon as the request is stored. Without it, the platform waits for the
    /// instances, and gets the first response of one of them, or of one of their processes.
    #[must_use]
    pub fn respond(mut self, response: WebhookResponse) -> Self {
        self.response = Some(response);
        self
    }
}

#[cfg(not(target_family = "wasm"))]
impl Routed {
    pub(crate) fn response(&self) -> Option<&WebhookResponse> {
        self.response.as_ref()
    }

    /// The pointers by which it names instances.
    pub(crate) fn pointers(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().filter_map(|target| match target {
            Target::RouteKey(pointer, _) => Some(pointer.as_str()),
            Target::PlatformId(_) => None,
        })
    }
}

impl From<Routed> for wit::Routed {
    fn from(routed: Routed) -> Self {
        Self {
            response: routed.response.map(Into::into),
            targets: routed.targets.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Target> for wit::Target {
    fn from(target: Target) -> Self {
        match target {
            Target::PlatformId(id) => Self::PlatformId(id),
            Target::RouteKey(pointer, text) => Self::RouteKey((pointer, text)),
        }
    }
}
