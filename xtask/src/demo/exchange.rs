//! One request and its answer, shown as a person would type and read them. Must never go on after
//! an unexpected answer.
#![expect(clippy::print_stdout, reason = "requests and answers are what the command is for")]

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The longest that a request of the demo may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Values that an answer must contain, by JSON Pointer.
pub type Shows = Vec<(&'static str, Value)>;

pub struct Exchange {
    pub method: &'static str,
    pub path: String,
    /// The community, for the header that chooses it.
    pub community: Option<&'static str>,
    pub body: Option<Value>,
    pub status: u16,
    pub shows: Shows,
}

/// A client that returns answers of every status, and uses no proxy.
pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(ANSWER_WITHIN))
        .proxy(None)
        .build()
        .into()
}

impl Exchange {
    /// Sends the request, prints both sides and checks the answer.
    pub fn play(&self, url: &str) -> Result<()> {
        println!("{}", self.curl(url));
        let (status, text) = self
            .send(url)
            .with_context(|| format!("no answer to {} {}", self.method, self.path))?;
        println!("{}\n", shown(status, &text));
        self.check(status, &text)
    }

    fn curl(&self, url: &str) -> String {
        let mut lines = vec![format!("curl -X {} '{url}{}'", self.method, self.path)];
        lines.extend(self.headers().iter().map(|(name, value)| format!("-H '{name}: {value}'")));
        lines.extend(self.body.as_ref().map(|body| format!("--data-raw '{body}'")));
        lines.join(" \\\n    ")
    }

    fn headers(&self) -> Vec<(&'static str, &'static str)> {
        let content_type = self.body.as_ref().map(|_| ("Content-Type", "application/json"));
        let community = self.community.map(|slug| ("X-Metagov-Community", slug));
        content_type.into_iter().chain(community).collect()
    }

    fn send(&self, url: &str) -> Result<(u16, String)> {
        let mut request =
            ureq::http::Request::builder().method(self.method).uri(format!("{url}{}", self.path));
        for (name, value) in self.headers() {
            request = request.header(name, value);
        }
        let body = self.body.as_ref().map_or_else(String::new, Value::to_string);
        let mut answer = agent().run(request.body(body)?)?;
        Ok((answer.status().as_u16(), answer.body_mut().read_to_string()?))
    }

    fn check(&self, status: u16, text: &str) -> Result<()> {
        let request = format!("{} {}", self.method, self.path);
        ensure!(
            status == self.status,
            "{request} should have answered {}, but answered {status}",
            self.status
        );
        let body: Value = serde_json::from_str(text).unwrap_or_default();
        for (pointer, expected) in &self.shows {
            let found = body.pointer(pointer).unwrap_or(&Value::Null);
            ensure!(
                found == expected,
                "{request} should have answered {expected} at {pointer}, but answered {found}"
            );
        }
        Ok(())
    }
}

fn shown(status: u16, text: &str) -> String {
    let pretty = serde_json::from_str::<Value>(text)
        .map_or_else(|_| text.to_owned(), |body| format!("{body:#}"));
    format!("HTTP {status}\n{pretty}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn exchange() -> Exchange {
        let path = "/api/internal/action/tutorial.times-two".to_owned();
        let body = Some(json!({ "parameters": { "value": 5 } }));
        Exchange {
            method: "POST",
            path,
            community: Some("c"),
            body,
            status: 200,
            shows: vec![("/result", json!(10))],
        }
    }

    #[test]
    fn a_request_is_shown_as_the_curl_command_that_sends_it() {
        let expected = "curl -X POST 'http://h/api/internal/action/tutorial.times-two' \\\n    \
                        -H 'Content-Type: application/json' \\\n    \
                        -H 'X-Metagov-Community: c' \\\n    \
                        --data-raw '{\"parameters\":{\"value\":5}}'";
        assert_eq!(exchange().curl("http://h"), expected);
    }

    #[test]
    fn another_status_or_value_than_expected_stops_the_demo() {
        exchange().check(200, r#"{"result":10}"#).unwrap();
        let value = exchange().check(200, r#"{"result":11}"#).unwrap_err().to_string();
        assert!(value.ends_with("should have answered 10 at /result, but answered 11"), "{value}");
        let status = exchange().check(502, "").unwrap_err().to_string();
        assert!(status.ends_with("should have answered 200, but answered 502"), "{status}");
    }
}
