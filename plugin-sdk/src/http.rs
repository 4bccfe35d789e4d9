//! Outbound HTTP, to hosts that the plugin asks for (`requests(http(…))`) and its operator grants. Redirects
//! are not followed unless a request says so. The host places secrets, so that a [`Request`] never contains one.
//!
//! ```
//! use moothall_sdk::http;
//! use moothall_sdk::prelude::*;
//! # use moothall_sdk::testing::{Answer, Host};
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Config {
//!     token: Secret,
//! }
//!
//! #[derive(Deserialize)]
//! struct Posted {
//!     id: u64,
//! }
//!
//! struct Announcer;
//!
//! #[plugin(name = "announcer", config = Config, requests(http("chat.example")))]
//! impl Announcer {
//!     #[action(slug = "announce")]
//!     fn announce(&self) -> Result<u64> {
//!         let posted: Posted = http::post("https://chat.example/messages")
//!             .bearer(&self.secret("/token"))
//!             .json(&json!({ "text": "The vote begins." }))
//!             .fetch()?;
//!         Ok(posted.id)
//!     }
//! }
//!
//! # let posted = Answer::status(201).json(&json!({ "id": 7 }));
//! # let mut host = Host::new(Announcer)
//! #     .config(json!({ "token": "ABC123" }))
//! #     .answer("POST", "https://chat.example/messages", posted);
//! # assert_eq!(host.action("announce", json!({})), Ok(json!(7)));
//! # assert_eq!(host.sent()[0].header("authorization"), Some("Bearer ABC123"));
//! ```

mod graphql;
mod pages;
mod patience;
mod placed;
mod redirects;
mod response;
mod route;

use std::time::Duration;

use moothall_values::outbound::FORM;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bindings::host::http as host;
use crate::{Error, Result, Secret, headers, write};
pub use pages::all_pages;
use placed::Placed;
pub(crate) use placed::add_query;
pub(crate) use placed::write as write_secret;
pub use response::Response;
pub use route::route;

/// Begins a `GET` request.
pub fn get(url: impl Into<String>) -> Request {
    request("GET", url)
}

/// Begins a `POST` request.
pub fn post(url: impl Into<String>) -> Request {
    request("POST", url)
}

/// Begins a `PUT` request.
pub fn put(url: impl Into<String>) -> Request {
    request("PUT", url)
}

/// Begins a `PATCH` request.
pub fn patch(url: impl Into<String>) -> Request {
    request("PATCH", url)
}

/// Begins a `DELETE` request.
pub fn delete(url: impl Into<String>) -> Request {
    request("DELETE", url)
}

/// Begins a request with any method.
pub fn request(method: impl Into<String>, url: impl Into<String>) -> Request {
    Request {
        method: method.into(),
        url: url.into(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout: None,
        patience: Duration::ZERO,
        redirects: 0,
        secrets: Vec::new(),
        mistake: None,
    }
}

/// A request that has not been sent yet.
#[derive(Debug, Clone)]
#[must_use = "a request is sent by `send` or `fetch`"]
pub struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    timeout: Option<Duration>,
    patience: Duration,
    redirects: u32,
    secrets: Vec<Placed>,
    /// The first value that could not be written. `send` returns the error, so that every method of the builder
    /// can return the builder.
    mistake: Option<Error>,
}

impl Request {
    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds `Authorization: Bearer` with the secret.
    pub fn bearer(self, secret: &Secret) -> Self {
        self.secret_header("authorization", "Bearer ", secret)
    }

    /// Adds a header whose value is `prefix` and the secret.
    pub fn secret_header(
        self,
        name: impl Into<String>,
        prefix: impl Into<String>,
        secret: &Secret,
    ) -> Self {
        self.placed(host::Placement::Header((name.into(), prefix.into())), secret)
    }

    /// Basic authentication with the secret as password.
    pub fn basic_password(self, user: impl Into<String>, secret: &Secret) -> Self {
        self.placed(host::Placement::BasicPassword(user.into()), secret)
    }

    /// Basic authentication with the secret as user name.
    pub fn basic_user(self, secret: &Secret, password: impl Into<String>) -> Self {
        self.placed(host::Placement::BasicUser(password.into()), secret)
    }

    /// Adds a query parameter with the secret.
    pub fn secret_query(self, name: impl Into<String>, secret: &Secret) -> Self {
        self.placed(host::Placement::Query(name.into()), secret)
    }

    /// Adds a field with the secret to a form body.
    pub fn secret_form(mut self, name: impl Into<String>, secret: &Secret) -> Self {
        headers::add_if_absent(&mut self.headers, "content-type", FORM);
        self.placed(host::Placement::Form(name.into()), secret)
    }

    /// Puts the secret into a JSON body at a JSON Pointer (`/api_key`, `/auth/key`): it replaces a text there,
    /// or adds an absent member. The object above must be in what [`json`](Self::json) sends.
    pub fn secret_json(mut self, pointer: impl Into<String>, secret: &Secret) -> Self {
        headers::add_if_absent(&mut self.headers, "content-type", "application/json");
        self.placed(host::Placement::Json(pointer.into()), secret)
    }

    fn placed(mut self, placement: host::Placement, secret: &Secret) -> Self {
        self.secrets.push(Placed { placement, secret: secret.clone() });
        self
    }

    /// Adds query parameters.
    pub fn query<K: AsRef<str>, V: AsRef<str>>(mut self, pairs: &[(K, V)]) -> Self {
        for (name, value) in pairs {
            add_query(&mut self.url, name.as_ref(), value.as_ref());
        }
        self
    }

    /// Sends `body` as JSON.
    pub fn json<T: Serialize + ?Sized>(mut self, body: &T) -> Self {
        headers::add_if_absent(&mut self.headers, "content-type", "application/json");
        match write::json(body) {
            Ok(body) => self.body = body.into_bytes(),
            Err(error) => self.note(error),
        }
        self
    }

    /// Sends `body` as JSON without its members that are null, for a platform that takes null for a value.
    pub fn json_given<T: Serialize + ?Sized>(mut self, body: &T) -> Self {
        match write::to_value(body) {
            Ok(Value::Object(mut members)) => {
                members.retain(|_, value| !value.is_null());
                self.json(&members)
            }
            Ok(other) => self.json(&other),
            Err(error) => {
                self.note(error);
                self
            }
        }
    }

    /// Sends pairs as a form.
    pub fn form<T: Serialize + ?Sized>(mut self, pairs: &T) -> Self {
        headers::add_if_absent(&mut self.headers, "content-type", FORM);
        match serde_urlencoded::to_string(pairs) {
            Ok(body) => self.body = body.into_bytes(),
            Err(error) => {
                self.note(Error::internal(format!("the form cannot be written: {error}")))
            }
        }
        self
    }

    /// Sends bytes.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Limits the time of the whole request, within the operator's limit.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Waits for at most so long in all, and sends again, when the platform refuses the request only for now: 429, or 403,
    /// with a `Retry-After` in seconds. Leave time for the rest of the call (`[limits] wall_ms`). If the platform wants
    /// more patience, its answer is what `send` returns.
    pub fn patient(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Follows so many redirects at most, within the origin of the URL: the secrets go nowhere else. 307 and 308 are
    /// followed, and 301 and 302 of a `GET` or `HEAD`; what is not followed is the answer.
    pub fn redirects(mut self, most: u32) -> Self {
        self.redirects = most;
        self
    }

    fn note(&mut self, mistake: Error) {
        self.mistake.get_or_insert(mistake);
    }

    /// Sends the request and reads the whole answer, whatever its status.
    ///
    /// `forbidden`: the host is not granted. `invalid`: the URL, a header, or the place of a secret is wrong.
    /// `unavailable`: no connection, no answer in time, or an answer that is too long. `conflict`: the call has
    /// used up its requests.
    pub fn send(mut self) -> Result<Response> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        let (mut patience, mut redirects) = (self.patience, self.redirects);
        let secrets = std::mem::take(&mut self.secrets);
        // The address to which the platform redirects may have the query again, with the secret in it.
        if secrets.iter().any(|one| matches!(one.placement, host::Placement::Query(_))) {
            redirects = 0;
        }
        let mut request = self.into_wit();
        let mut handles = Vec::new();
        for Placed { placement, secret } in secrets {
            match secret.new_text() {
                Some(text) => write_secret(&mut request, &placement, text)?,
                None => handles.push((placement, crate::secrets::handle(secret.place())?)),
            }
        }
        let handles: Vec<_> =
            handles.iter().map(|(placement, handle)| (placement.clone(), handle)).collect();
        loop {
            let answer: Response =
                patience::send(&mut patience, || Ok(host::send(&request, &handles)?.into()))?;
            let (method, location) = (&request.method, answer.header("location"));
            match redirects::next(method, &request.url, answer.status, location) {
                Some(url) if redirects > 0 => request.url = url,
                _ => return Ok(answer),
            }
            redirects -= 1;
        }
    }

    /// Sends the request, and reads the answer as JSON if its status is 200 to 299: the same as
    /// `send()?.error_for_status()?.json()`.
    pub fn fetch<T: DeserializeOwned>(self) -> Result<T> {
        self.send()?.error_for_status()?.json()
    }

    /// The same with [`error_for_caller`](Response::error_for_caller); an answer without a body is `{}`.
    pub fn fetch_for_caller<T: DeserializeOwned>(self) -> Result<T> {
        let mut response = self.send()?.error_for_caller()?;
        if response.body.is_empty() {
            response.body = b"{}".to_vec();
        }
        response.json()
    }

    fn into_wit(self) -> host::Request {
        host::Request {
            method: self.method,
            url: self.url,
            headers: self.headers,
            body: self.body,
            timeout_ms: self
                .timeout
                .map(|timeout| u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::post;

    #[test]
    fn a_request_is_what_its_author_said() {
        let request = post("https://a.example/x?y=1#top")
            .query(&[("q", "a b&c")])
            .form(&[("name", "ä")])
            .timeout(Duration::from_secs(2))
            .into_wit();
        assert_eq!(request.url, "https://a.example/x?y=1&q=a+b%26c#top");
        assert_eq!(request.body, b"name=%C3%A4");
        assert_eq!(request.timeout_ms, Some(2_000));
        assert_eq!(request.headers[0].1, "application/x-www-form-urlencoded");
    }

    #[test]
    fn what_is_not_given_is_not_sent() {
        let sent = |body| post("https://a.example").json_given(&body).into_wit().body;
        assert_eq!(sent(json!({ "a": 1, "b": null, "c": [null] })), br#"{"a":1,"c":[null]}"#);
        assert_eq!(sent(json!(null)), b"null");
    }

    #[test]
    fn what_cannot_be_written_is_answered_when_it_is_sent() {
        let error = post("https://a.example").form(&1).send().expect_err("no pairs");
        assert!(error.message().starts_with("the form cannot be written"), "{error}");
    }
}
