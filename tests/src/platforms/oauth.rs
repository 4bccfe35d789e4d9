//! A platform's authorisation server: whoever comes to `/authorize` with what RFC 6749 and 7636 ask for is
//! sent back with a code, and what was asked is kept for the test to see.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use url::Url;

/// The query of a request, each name once.
pub type Asked = BTreeMap<String, String>;

/// A platform that listens.
#[derive(Debug)]
pub struct Platform {
    pub url: String,
    consent: Arc<Mutex<Consent>>,
}

/// What is answered to whoever asks next, and what was asked.
#[derive(Debug, Default)]
struct Consent {
    answer: Vec<(String, String)>,
    asked: Vec<Asked>,
}

type Shared = Arc<Mutex<Consent>>;

impl Platform {
    pub async fn start() -> Self {
        let consent = Shared::default();
        let routes = Router::new().route("/authorize", get(authorize)).with_state(consent.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url: format!("http://{address}/authorize"), consent }
    }

    /// From now on a browser is sent back with these parameters.
    pub fn will_answer(&self, parameters: &[(&str, &str)]) {
        let own = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.consent.lock().expect("nobody panicked").answer = own.collect();
    }

    /// What was asked last.
    pub fn asked(&self) -> Asked {
        let consent = self.consent.lock().expect("nobody panicked");
        consent.asked.last().cloned().expect("somebody has asked")
    }
}

async fn authorize(
    State(consent): State<Shared>,
    Query(query): Query<Vec<(String, String)>>,
) -> Response {
    let asked: Asked = query.iter().cloned().collect();
    // A parameter that is there twice is an error (RFC 6749, 3.1).
    let is_right = asked.len() == query.len() && asked.contains_key("client_id");
    let back = asked.get("redirect_uri").and_then(|url| Url::parse(url).ok());
    let (true, Some(mut back), Some(state)) = (is_right, back, asked.get("state").cloned()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut consent = consent.lock().expect("nobody panicked");
    back.query_pairs_mut().extend_pairs(&consent.answer).append_pair("state", &state);
    consent.asked.push(asked);
    (StatusCode::SEE_OTHER, [(header::LOCATION, back.to_string())]).into_response()
}
