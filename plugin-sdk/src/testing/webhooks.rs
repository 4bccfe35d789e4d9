//! Webhooks as platforms send them.

use moothall_values::outbound::FORM;
use serde::Serialize;

use crate::WebhookRequest;

/// A `POST` with `body` as JSON.
///
/// ```
/// use moothall_sdk::prelude::*;
/// use moothall_sdk::testing::{Host, webhook};
///
/// struct Doorbell;
///
/// #[plugin(name = "doorbell")]
/// impl Doorbell {
///     #[webhook]
///     fn ring(&self, request: WebhookRequest) -> Result<()> {
///         let body: Value = request.json()?;
///         let door = request.query_param("door");
///         self.state().set("rang", &json!([body["who"], request.header("x-bell"), door]))
///     }
/// }
///
/// let mut host = Host::new(Doorbell);
/// let ring = webhook(&json!({ "who": "ann" })).with_header("X-Bell", "2").with_query("door=1");
/// host.webhook(ring).expect("it rang");
/// assert_eq!(host.state("rang"), Some(json!(["ann", "2", "1"])));
/// ```
pub fn webhook<T: Serialize + ?Sized>(body: &T) -> WebhookRequest {
    let body = serde_json::to_vec(body).expect("a test's body is JSON");
    let request = WebhookRequest { method: "POST".to_owned(), body, ..WebhookRequest::default() };
    request.with_header("content-type", "application/json")
}

/// A `POST` of a form whose field `payload` is `payload` as JSON:
/// [`form_payload`](WebhookRequest::form_payload) reads it.
///
/// ```
/// use moothall_sdk::prelude::*;
/// use moothall_sdk::testing::{Host, payload_webhook};
///
/// struct Buttons;
///
/// #[plugin(name = "buttons")]
/// impl Buttons {
///     #[webhook]
///     fn press(&self, request: WebhookRequest) -> Result<()> {
///         self.state().set("pressed", &request.form_payload::<Value>()?)
///     }
/// }
///
/// let mut host = Host::new(Buttons);
/// host.webhook(payload_webhook(&json!({ "button": 1 }))).expect("pressed");
/// assert_eq!(host.state("pressed"), Some(json!({ "button": 1 })));
/// ```
pub fn payload_webhook<T: Serialize + ?Sized>(payload: &T) -> WebhookRequest {
    let payload = serde_json::to_string(payload).expect("a test's payload is JSON");
    let mut form = form_urlencoded::Serializer::new(String::new());
    let body = form.append_pair("payload", &payload).finish().into_bytes();
    let request = WebhookRequest { method: "POST".to_owned(), body, ..WebhookRequest::default() };
    request.with_header("content-type", FORM)
}

/// For tests.
impl WebhookRequest {
    /// Sets a header, also in place of one that is there.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// Sets the part of the URL after `?`, percent-encoded.
    #[must_use]
    pub fn with_query(mut self, query: impl Into<String>) -> Self {
        self.query = query.into();
        self
    }
}
