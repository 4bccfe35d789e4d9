//! Requests of platforms, and the answers to them. This code checks no signatures: the host does (the option
//! `verify`), or the plugin itself.

use moothall_values::outbound::is_form;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::host::web as wit;
use crate::headers;
use crate::{Error, Result, read, write};

/// A request to this plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path as it was sent, percent-encoded, without the query.
    pub path: String,
    /// The part after `?`, percent-encoded; empty if there is none.
    pub query: String,
    /// Names are in lower case; headers with the same name follow one another.
    pub headers: Vec<(String, String)>,
    /// The raw bytes, over which signatures are made. If the host has checked the signature, it has
    /// decompressed the body.
    pub body: Vec<u8>,
}

impl WebhookRequest {
    /// The first value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        headers::first(&self.headers, name)
    }

    /// The first query parameter of this name, decoded.
    pub fn query_param(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes())
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The body as JSON. `invalid`: it does not fit the type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        read::json(&self.body).map_err(|error| {
            Error::invalid(format!("the body of the webhook does not fit: {error}"))
        })
    }

    /// The body as a form (`application/x-www-form-urlencoded`). `invalid`: it does not fit the type.
    pub fn form<T: DeserializeOwned>(&self) -> Result<T> {
        serde_urlencoded::from_bytes(&self.body).map_err(|error| {
            Error::invalid(format!("the form of the webhook does not fit: {error}"))
        })
    }

    /// The JSON in the field `payload` of a form, as Slack sends what people click, and GitHub webhooks if it is told to.
    /// None if the body is no form, or one without that field. `invalid`: the JSON does not fit the type.
    pub fn form_payload<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        if !self.header("content-type").is_some_and(is_form) {
            return Ok(None);
        }
        let payload = form_urlencoded::parse(&self.body).find(|(name, _)| name == "payload");
        let read = |json: &str| {
            read::json(json).map_err(|error| {
                Error::invalid(format!("the payload of the webhook does not fit: {error}"))
            })
        };
        payload.map(|(_, json)| read(&json)).transpose()
    }

    /// The body as text. `invalid`: it is not UTF-8.
    pub fn text(&self) -> Result<&str> {
        std::str::from_utf8(&self.body)
            .map_err(|_| Error::invalid("the body of the webhook is not UTF-8"))
    }
}

/// The answer to a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookResponse {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl WebhookResponse {
    /// 200 with an empty body.
    pub fn ok() -> Self {
        Self::status(200)
    }

    /// `status` (200 to 599) with an empty body.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// Its status, headers and body.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn parts(&self) -> (u16, &[(String, String)], &[u8]) {
        (self.status, &self.headers, &self.body)
    }

    /// Adds a header. An earlier header of the same name stays, so that there are two.
    ///
    /// The host leaves out invalid headers and those that it sets itself: `connection`, `content-length`,
    /// `keep-alive`, `proxy-authenticate`, `proxy-connection`, `set-cookie`, `te`, `trailer`,
    /// `transfer-encoding`, `upgrade` and `x-request-id`. It logs what it left out. It adds `x-request-id`, and
    /// `content-security-policy: sandbox` beside the plugin's own policy, so that a plugin's page cannot send
    /// requests to the host in its reader's name.
    ///
    /// ```
    /// use moothall_sdk::WebhookResponse;
    ///
    /// let response = WebhookResponse::status(202).header("retry-after", "60").text("later");
    /// ```
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body to bytes.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the body to text.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        headers::add_if_absent(&mut self.headers, "content-type", "text/plain; charset=utf-8");
        self.body(text.into())
    }

    /// Sets the body to `body` as JSON.
    pub fn json<T: Serialize + ?Sized>(mut self, body: &T) -> Result<Self> {
        let body = write::json(body)?;
        headers::add_if_absent(&mut self.headers, "content-type", "application/json");
        Ok(self.body(body))
    }
}

impl From<wit::Incoming> for WebhookRequest {
    fn from(incoming: wit::Incoming) -> Self {
        let wit::Incoming { method, path, query, headers, body } = incoming;
        Self { method, path, query, headers, body }
    }
}

impl From<WebhookResponse> for wit::Response {
    fn from(response: WebhookResponse) -> Self {
        let WebhookResponse { status, headers, body } = response;
        Self { status, headers, body }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{WebhookRequest, WebhookResponse, wit};
    use crate::ErrorKind;

    const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

    fn request(query: &str, body: &str) -> WebhookRequest {
        let (query, body) = (query.to_owned(), body.as_bytes().to_vec());
        WebhookRequest { query, body, ..WebhookRequest::default() }
    }

    #[test]
    fn query_parameters_are_decoded() {
        let request = request("a=1&name=two%20words+more&empty", "");
        assert_eq!(request.query_param("name").as_deref(), Some("two words more"));
        assert_eq!(request.query_param("empty").as_deref(), Some(""));
        assert_eq!(request.query_param("other"), None);
    }

    #[test]
    fn a_body_is_read_as_what_it_is_asked_for() {
        let form: BTreeMap<String, String> = request("", "a=1&b=%26").form().expect("a form");
        assert_eq!(form.get("b").map(String::as_str), Some("&"));
        let error = request("", "a=1").json::<u32>().expect_err("no JSON");
        assert_eq!(error.kind(), &ErrorKind::Invalid);
        let bytes = WebhookRequest { body: vec![0xff], ..WebhookRequest::default() };
        assert!(bytes.text().is_err());
    }

    #[test]
    fn a_payload_is_read_from_a_form_that_has_one() {
        let form = |body: &str| request("", body).with_header("Content-Type", FORM);
        assert_eq!(form("a=1&payload=%5B1%2C+2%5D").form_payload(), Ok(Some([1, 2])));
        assert_eq!(form("a=1").form_payload::<[u8; 2]>(), Ok(None));
        assert_eq!(request("", "payload=1").form_payload::<u8>(), Ok(None), "no form");
        let error = form("payload=x").form_payload::<u8>().expect_err("no JSON");
        assert_eq!(error.kind(), &ErrorKind::Invalid);
    }

    #[test]
    fn a_response_names_its_type_once() {
        let response = WebhookResponse::status(201).json(&[1, 2]).expect("JSON");
        let response = wit::Response::from(response.header("x-more", "1"));
        let expected = [("content-type", "application/json"), ("x-more", "1")]
            .map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(
            (response.status, response.headers, response.body),
            (201, expected.to_vec(), b"[1,2]".to_vec())
        );
    }
}
