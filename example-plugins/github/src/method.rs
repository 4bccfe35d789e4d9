//! The action `method`: any request of GitHub's API, with a route as GitHub's documentation writes it.

use std::collections::BTreeSet;

use moothall_sdk::http::{self, Request};
use moothall_sdk::serde_json::{Map, Value};
use moothall_sdk::{Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Settings, api};

#[derive(Deserialize, JsonSchema)]
pub struct Method {
    /// `/repos/{owner}/{repo}/issues/{issue_number}`: names in braces are filled in from the other parameters; `owner` and
    /// `installation_id` are known.
    route: String,
    /// The HTTP method.
    #[serde(default = "get")]
    method: String,
    /// The names in the route stand for these. The others are the query of a GET, and the JSON body of all else.
    #[serde(flatten)]
    parameters: Map<String, Value>,
}

fn get() -> String {
    "GET".to_owned()
}

impl Method {
    pub fn request(self, settings: &Settings, known: [(&str, String); 2]) -> Result<Request> {
        let Self { route, method, mut parameters } = self;
        if !route.starts_with('/') {
            return Err(Error::invalid(
                "'route' begins with a slash, as in GitHub's documentation",
            ));
        }
        let mut placed = BTreeSet::new();
        let route = http::route(&route, |name| {
            placed.insert(name.to_owned());
            let known = known.iter().find(|(known, _)| *known == name);
            parameters.get(name).map_or_else(|| known.map(|(_, value)| value.clone()), text)
        })?;
        parameters.retain(|name, _| !placed.contains(name));
        let method = method.to_ascii_uppercase();
        let request = api::request(settings, &method, &route);
        if method == "GET" {
            let pair = |(name, value)| (name, text(&value).unwrap_or_else(|| value.to_string()));
            return Ok(request.query(&parameters.into_iter().map(pair).collect::<Vec<_>>()));
        }
        Ok(if parameters.is_empty() { request } else { request.json(&parameters) })
    }
}

/// A value as a part of a URL.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}
