//! `/auth/{plugin}/…`, where browsers come by, and `/api/internal/oauth/{plugin}/start`, where drivers get
//! tickets for them.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::is_loopback;
use super::error::Problem;
use super::{Api, body};
use crate::ids::RequestId;
use crate::oauth::{Asked, Back, FLOW_MS, Leave, OAuthError, cookie_name};

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/auth/{plugin}/authorize", get(authorize))
        .route("/auth/{plugin}/callback", get(callback))
        .route("/api/internal/oauth/{plugin}/start", post(start))
}

/// The query of `authorize`: a ticket, or what a ticket would be for.
#[derive(Deserialize)]
struct AuthorizeQuery {
    ticket: Option<String>,
    #[serde(flatten)]
    asked: Asked,
}

async fn start(
    State(api): State<Arc<Api>>,
    Path(plugin): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let base = api.oauth.base(local_host(&headers))?;
    api.oauth.require(&plugin)?;
    let asked: Asked = body::json(&api, body).await?;
    let authorize_url = api.oauth.start(&plugin, asked, &base).await?;
    Ok(Json(json!({ "authorize_url": authorize_url })))
}

async fn authorize(
    State(api): State<Arc<Api>>,
    Path(plugin): Path<String>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
    query: Result<Query<AuthorizeQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let base = api.oauth.base(local_host(&headers))?;
    let leave = match query.ticket {
        Some(ticket) => api.oauth.authorize_with(&plugin, &ticket, request).await,
        None if api.keys.load().are_required() && !api.oauth.is_open => {
            return Err(OAuthError::TicketRequired.into());
        }
        None => api.oauth.authorize(&plugin, query.asked, &base, request).await,
    };
    let Leave { url, cookie_name, cookie } = leave.map_err(Problem::of_browser)?;
    sent_on(&url, &set_cookie(&base, &cookie_name, &cookie, FLOW_MS / 1000))
}

async fn callback(
    State(api): State<Arc<Api>>,
    Path(plugin): Path<String>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let base = api.oauth.base(local_host(&headers))?;
    let state = query.iter().find(|(name, _)| name == "state");
    let name = state.map(|(_, state)| cookie_name(state)).unwrap_or_default();
    let cookie = cookie(&headers, &name).map(str::to_owned);
    let url = api.oauth.callback(Back { plugin, query, cookie, request }).await?;
    sent_on(&url, &set_cookie(&base, &name, "", 0))
}

/// 303 that no cache keeps and of which the next page does not learn where the browser was.
fn sent_on(url: &str, cookie: &str) -> Result<Response, Problem> {
    let value = |text: &str| {
        HeaderValue::from_str(text)
            .map_err(|_| Problem::internal("a redirect cannot be put into a header"))
    };
    let headers: [(HeaderName, HeaderValue); 4] = [
        (header::LOCATION, value(url)?),
        (header::SET_COOKIE, value(cookie)?),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

fn set_cookie(base: &str, name: &str, value: &str, seconds: i64) -> String {
    let secure = if base.starts_with("https:") { "; Secure" } else { "" };
    // Behind a proxy the host may be below a path.
    let (_, place) = base.split_once("://").unwrap_or_default();
    let below = place.split_once('/').map(|(_, path)| format!("/{path}")).unwrap_or_default();
    format!("{name}={value}; HttpOnly; SameSite=Lax; Path={below}/auth; Max-Age={seconds}{secure}")
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(one, _)| one.trim() == name).map(|(_, value)| value.trim())
}

/// Where the request was sent to, if that is this machine.
fn local_host(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    host.filter(|host| is_loopback(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_goes_only_where_browsers_come_back() {
        let cookie = set_cookie("http://127.0.0.1:8000", "a", "b", 600);
        assert_eq!(cookie, "a=b; HttpOnly; SameSite=Lax; Path=/auth; Max-Age=600");
        let cookie = set_cookie("https://p.example/hall", "a", "b", 600);
        assert_eq!(cookie, "a=b; HttpOnly; SameSite=Lax; Path=/hall/auth; Max-Age=600; Secure");
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("x=1; mh_a=2"));
        headers.append(header::COOKIE, HeaderValue::from_static("mh_b=3"));
        assert_eq!(cookie(&headers, "mh_a"), Some("2"));
        assert_eq!(cookie(&headers, "mh_b"), Some("3"));
        assert_eq!(cookie(&headers, "mh_c"), None);
    }
}
