//! The pages to which people are sent: they agree at once, and are sent back.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use url::Url;

use super::people::{CodeGrant, exchange};
use super::{CLIENT_ID, Shared};

type Asked = BTreeMap<String, String>;

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/github-apps/{app}/installations/new", get(install))
        .route("/login/oauth/authorize", get(authorize))
        .route("/login/oauth/access_token", post(exchange))
}

/// Installs the app, and authorises the person at once, as the app's settings say. Where it is installed already, the page
/// leads nowhere. PKCE and `redirect_uri` are no
/// parameters of this page.
async fn install(
    State(data): State<Shared>,
    Path(app): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    if app != "moothall" {
        return (StatusCode::NOT_FOUND, "there is no such app").into_response();
    }
    let (installing, is_installed) = {
        let kept = data.kept();
        (kept.installing, kept.is_installed)
    };
    if is_installed {
        return (StatusCode::OK, "Settings of the installation").into_response();
    }
    let mut parameters = match installing {
        Some(id) => {
            vec![("installation_id", id.to_string()), ("setup_action", "install".to_owned())]
        }
        None => vec![("setup_action", "request".to_owned())],
    };
    parameters.push(("code", code(&data, None)));
    back(&data, &asked, &parameters)
}

async fn authorize(State(data): State<Shared>, Query(asked): Query<Asked>) -> Response {
    let is = |name: &str, value: &str| asked.get(name).is_some_and(|one| one == value);
    if !is("client_id", CLIENT_ID) {
        return (StatusCode::NOT_FOUND, "there is no such client").into_response();
    }
    let callback = data.kept().callback.clone();
    if !is("redirect_uri", &callback) {
        return back(&data, &asked, &[("error", "redirect_uri_mismatch".to_owned())]);
    }
    let is_hashed = is("code_challenge_method", "S256");
    let challenge = asked.get("code_challenge").filter(|_| is_hashed).cloned();
    let code = code(&data, challenge);
    back(&data, &asked, &[("code", code)])
}

fn code(data: &Shared, challenge: Option<String>) -> String {
    let mut kept = data.kept();
    let code = format!("{:020x}", kept.number());
    let grant = CodeGrant { login: kept.visitor.clone(), challenge };
    kept.codes.insert(code.clone(), grant);
    code
}

fn back(data: &Shared, asked: &Asked, parameters: &[(&str, String)]) -> Response {
    let mut url = Url::parse(&data.kept().callback).expect("a callback is registered");
    url.query_pairs_mut().extend_pairs(parameters);
    if let Some(state) = asked.get("state") {
        url.query_pairs_mut().append_pair("state", state);
    }
    (StatusCode::SEE_OTHER, [(header::LOCATION, url.to_string())]).into_response()
}
