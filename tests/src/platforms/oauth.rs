//! A platform's authorisation server. It redirects requests to `/authorize` that RFC 6749, 7636 and
//! 9700 allow back with a code, and keeps them for the test. For others it says what is wrong.

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

/// The next answers, and the requests so far.
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

    /// From now on sends browsers back with these parameters.
    pub fn will_answer(&self, parameters: &[(&str, &str)]) {
        let own = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.consent.lock().expect("nobody panicked").answer = own.collect();
    }

    /// The last request.
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
    let wrong =
        if asked.len() < query.len() { Some("a parameter is there twice") } else { wrong(&asked) };
    let back = asked.get("redirect_uri").and_then(|url| Url::parse(url).ok());
    let back = back.filter(|url| url.fragment().is_none());
    let (None, Some(mut back), Some(state)) = (wrong, back, asked.get("state").cloned()) else {
        return (StatusCode::BAD_REQUEST, wrong.unwrap_or("redirect_uri or state")).into_response();
    };
    let mut consent = consent.lock().expect("nobody panicked");
    back.query_pairs_mut().extend_pairs(&consent.answer).append_pair("state", &state);
    consent.asked.push(asked);
    (StatusCode::SEE_OTHER, [(header::LOCATION, back.to_string())]).into_response()
}

/// What the RFCs demand of a request and this one lacks.
fn wrong(asked: &Asked) -> Option<&'static str> {
    let is = |name: &str, value: &str| asked.get(name).is_some_and(|one| one == value);
    if !is("response_type", "code") {
        return Some("response_type (RFC 6749, 4.1.1)");
    }
    if asked.get("client_id").is_none_or(String::is_empty) {
        return Some("client_id (RFC 6749, 4.1.1)");
    }
    // 256 bits in base64url.
    let challenge = asked.get("code_challenge").is_some_and(|challenge| challenge.len() == 43);
    let is_hashed = challenge && is("code_challenge_method", "S256");
    (!is_hashed).then_some("code_challenge with S256 (RFC 7636, 4.3; RFC 9700, 2.1.1)")
}
