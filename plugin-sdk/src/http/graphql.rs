//! GraphQL over HTTP: one `POST` with the query and its variables, and an answer that may have failed with the status 200.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Request;
use crate::{Error, ErrorKind, Result};

/// As many of the platform's errors are told.
const TOLD: usize = 3;

#[derive(Deserialize)]
struct GraphqlAnswer {
    data: Option<Value>,
    #[serde(default)]
    errors: Vec<GraphqlError>,
}

#[derive(Deserialize)]
struct GraphqlError {
    message: String,
    #[serde(default)]
    extensions: Value,
}

impl Request {
    /// Sends a GraphQL query or mutation with its variables, and reads the answer's `data`.
    ///
    /// An answer with `errors` is an error with their messages, also if it has data: its kind follows from the first
    /// `extensions.code` (`not-found`, `unauthorized`, `forbidden`, `invalid`, or `unavailable` and retryable where too many
    /// requests came), and is `internal` where that says nothing. Without `errors`, the status counts, as in
    /// [`error_for_caller`](super::Response::error_for_caller).
    ///
    /// ```
    /// use moothall_sdk::http;
    /// use moothall_sdk::prelude::*;
    /// # use moothall_sdk::testing::{Answer, Host};
    ///
    /// struct Funds;
    ///
    /// #[plugin(name = "funds", requests(http("api.example")))]
    /// impl Funds {
    ///     #[action(slug = "name")]
    ///     fn name(&self) -> Result<Value> {
    ///         let query = "query ($slug: String) { collective(slug: $slug) { name } }";
    ///         let answer: Value = http::post("https://api.example/graphql")
    ///             .graphql(query, &json!({ "slug": "babel" }))?;
    ///         Ok(answer["collective"]["name"].clone())
    ///     }
    /// }
    ///
    /// # let babel = Answer::ok().json(&json!({ "data": { "collective": { "name": "Babel" } } }));
    /// # let mut host = Host::new(Funds).answer("POST", "https://api.example/graphql", babel);
    /// # assert_eq!(host.action("name", json!({})), Ok(json!("Babel")));
    /// ```
    pub fn graphql<T: DeserializeOwned>(
        self,
        query: &str,
        variables: &(impl Serialize + ?Sized),
    ) -> Result<T> {
        let data = self.json(&json!({ "query": query, "variables": variables })).data()?;
        serde_json::from_value(data).map_err(|error| {
            Error::internal(format!("the platform's data is of another form: {error}"))
        })
    }

    fn data(self) -> Result<Value> {
        let response = self.header("accept", "application/json").send()?;
        match response.json() {
            Ok(GraphqlAnswer { errors, .. }) if !errors.is_empty() => Err(refused(&errors)),
            Ok(GraphqlAnswer { data: Some(data), .. }) if response.is_success() => Ok(data),
            _ => {
                response.error_for_caller()?;
                Err(Error::internal("the platform answered with neither data nor errors"))
            }
        }
    }
}

fn refused(errors: &[GraphqlError]) -> Error {
    let told: Vec<&str> = errors.iter().take(TOLD).map(|one| one.message.as_str()).collect();
    let message = format!("the platform refuses: {}", told.join("; "));
    let code = errors.iter().find_map(|one| one.extensions["code"].as_str()).unwrap_or_default();
    let kind = kind(code);
    let is_for_now = kind == ErrorKind::Unavailable;
    let error = Error::new(kind, message).with_details(json!({ "platform_code": code }));
    if is_for_now { error.retryable() } else { error }
}

/// Codes as Apollo's servers have them (`BAD_USER_INPUT`), and as others write the same (`NotFound`).
fn kind(code: &str) -> ErrorKind {
    let word: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    match word.to_ascii_lowercase().as_str() {
        "notfound" => ErrorKind::NotFound,
        "unauthenticated" | "unauthorized" | "invalidtoken" => ErrorKind::Unauthorized,
        "forbidden" => ErrorKind::Forbidden,
        "badrequest" | "baduserinput" | "validationfailed" => ErrorKind::Invalid,
        "ratelimited" | "ratelimitexceeded" | "toomanyrequests" => ErrorKind::Unavailable,
        _ => ErrorKind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(message: &str, code: &str) -> GraphqlError {
        GraphqlError { message: message.to_owned(), extensions: json!({ "code": code }) }
    }

    #[test]
    fn errors_say_whose_they_are() {
        for (code, expected) in [
            ("NotFound", ErrorKind::NotFound),
            ("BAD_USER_INPUT", ErrorKind::Invalid),
            ("UNAUTHENTICATED", ErrorKind::Unauthorized),
            ("Forbidden", ErrorKind::Forbidden),
            ("GRAPHQL_VALIDATION_FAILED", ErrorKind::Internal),
            ("", ErrorKind::Internal),
        ] {
            assert_eq!(refused(&[refusal("no", code)]).kind(), &expected, "{code}");
        }
        let many: Vec<GraphqlError> =
            (0..5).map(|n| refusal(&format!("e{n}"), "RateLimitExceeded")).collect();
        let error = refused(&many);
        assert_eq!(error.message(), "the platform refuses: e0; e1; e2");
        assert!(error.is_retryable() && error.kind() == &ErrorKind::Unavailable);
    }
}
