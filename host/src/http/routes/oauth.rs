//! `/auth/{plugin}/…` for browsers, and `/api/internal/oauth/{plugin}/start`, where drivers get tickets for them.

mod form;
mod visits;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::http::api::Api;
use crate::http::middleware::access::is_loopback;
use crate::http::middleware::body;
use crate::http::middleware::body_budget::Sender;
use crate::http::middleware::body_schema::{person, request_body};
use crate::http::middleware::path::Path;
use crate::http::problem::Problem;
use crate::http::problem::code::Code;
use crate::http::route::failure;
use crate::http::route::failure::Failure;
use crate::http::route::{Route, get, post, query};
use form::Fields;
use moothall_core::ids::{PersonId, RequestId};
use visits::{Visit, head_of_visit};

use moothall_core::scope::Scope;
use moothall_engine::oauth::{AskedFor, Back, FLOW_MS, Leave, OAuthError, Visitor, cookie_name};

/// How an authorisation can fail.
const AUTHORIZATION: &[Failure] = &[
    (400, Code::BadRedirect),
    (400, Code::UnknownPerson),
    (404, Code::NoOauth),
    (404, Code::NotFound),
    (503, Code::NoPublicUrl),
];

pub fn routes() -> Vec<Route> {
    vec![
        get(
            "/auth/{plugin}/authorize",
            "beginAuthorization",
            "Sends the browser to the platform",
            authorize,
        )
        .public()
        .query(&[
            query::REDIRECT_URI,
            query::COMMUNITY,
            query::AUTHORIZATION_TYPE,
            query::STATE,
            query::METAGOV_ID,
            query::TICKET,
        ])
        .answers_nothing(303)
        .of_people()
        .knowing_sender()
        .head(head_of_visit)
        .fails(failure::CALL)
        .fails(AUTHORIZATION)
        .fails(&[
            (400, Code::BadTicket),
            (403, Code::TicketRequired),
            (503, Code::Prefetch),
        ]),
        get(
            "/auth/{plugin}/callback",
            "completeAuthorization",
            "The browser is back from the platform",
            callback,
        )
        .public()
        .query(query::CALLBACK)
        .of_others()
        .answers_nothing(303)
        .of_people()
        .head(head_of_visit)
        .fails(failure::CALL)
        .fails(AUTHORIZATION)
        .fails(&[(400, Code::BadState), (503, Code::Prefetch)]),
        post(
            "/auth/{plugin}/callback",
            "completePostedAuthorization",
            "The same by `response_mode=form_post`",
            posted,
        )
        .public()
        .of_others()
        .answers_nothing(303)
        .answers_text(200, "text/html")
        .of_people()
        .fails(failure::CALL)
        .fails(AUTHORIZATION)
        .fails(&[
            (400, Code::BadState),
            (408, Code::BodyTooSlow),
            (413, Code::BodyTooLarge),
        ]),
        post(
            "/api/internal/oauth/{plugin}/start",
            "startAuthorization",
            "An authorize URL, good until an authorisation has completed",
            start,
        )
        .needs(Scope::Drive)
        .never_once("the answer holds a ticket, which is a secret")
        .body::<AuthorizationBody>()
        .answers::<AuthorizeUrl>(200)
        .knowing_sender()
        .changes_nothing()
        .fails(failure::CHOICE)
        .fails(failure::CALL)
        .fails(AUTHORIZATION),
    ]
}

/// The query of `authorize`: a ticket, or the parameters of an authorisation without one.
#[derive(Deserialize)]
struct AuthorizeQuery {
    ticket: Option<String>,
    #[serde(flatten)]
    asked: AskedFor,
}

/// What a ticket is for.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Authorization")]
struct AuthorizationBody {
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["app", "user"]))]
    kind: Option<String>,
    community: Option<String>,
    redirect_uri: Option<String>,
    state: Option<String>,
    #[serde(default)]
    #[schemars(schema_with = "person")]
    metagov_id: Option<PersonId>,
}

request_body!(AuthorizationBody);

#[derive(Serialize, JsonSchema)]
struct AuthorizeUrl {
    /// The URL to which the driver sends the browser.
    authorize_url: String,
}

async fn start(
    State(api): State<Arc<Api>>,
    Path(plugin): Path<String>,
    Extension(sender): Extension<Sender>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<AuthorizeUrl>, Problem> {
    let base = api.oauth.base(local_host(&headers))?;
    api.oauth.require(&plugin)?;
    let body: AuthorizationBody = body::json(&api, body).await?;
    let asked = AskedFor {
        kind: body.kind,
        community: body.community,
        redirect_uri: body.redirect_uri,
        state: body.state,
        metagov_id: body.metagov_id,
    };
    let authorize_url = api.oauth.start(&plugin, asked, &base, sender.to_string()).await?;
    Ok(Json(AuthorizeUrl { authorize_url }))
}

async fn authorize(
    _: Visit,
    State(api): State<Arc<Api>>,
    Path(plugin): Path<String>,
    Extension(request): Extension<RequestId>,
    Extension(sender): Extension<Sender>,
    headers: HeaderMap,
    query: Result<Query<AuthorizeQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|_| Problem::unread_query())?;
    if let (Some(_), Some(said)) = (&query.ticket, query.asked.says()) {
        return Err(Problem::bad_query(format!(
            "a ticket was made for all that is asked for, and `{said}` beside it would have no effect; leave it out"
        )));
    }
    let base = api.oauth.base(local_host(&headers))?;
    let by = Visitor { request, sender: sender.to_string() };
    let leave = match query.ticket {
        Some(ticket) => api.oauth.authorize_with(&plugin, &ticket, by).await,
        None if api.keys.load().are_required() && !api.oauth.is_open => {
            return Err(OAuthError::TicketRequired.into());
        }
        None => api.oauth.authorize(&plugin, query.asked, &base, by).await,
    };
    let Leave { url, cookie_name, cookie } = leave.map_err(Problem::of_browser)?;
    sent_on(&url, &set_cookie(&base, &cookie_name, &cookie, FLOW_MS / 1000))
}

async fn callback(
    _: Visit,
    State(api): State<Arc<Api>>,
    Path(plugin): Path<String>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
    query: Result<Query<Fields>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|_| Problem::unread_query())?;
    come_back(&api, plugin, query, &headers, request).await
}

/// `response_mode=form_post`
async fn posted(
    State(api): State<Arc<Api>>,
    Path(plugin): Path<String>,
    Extension(request): Extension<RequestId>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let fields = form::read(&api, &headers, body).await?;
    let name = name_of_cookie(&fields);
    let needs_cookie = !name.is_empty() && cookie(&headers, &name).is_none();
    if !needs_cookie || form::is_reposted(&uri) {
        return come_back(&api, plugin, fields, &headers, request).await;
    }
    Ok(form::repost_page(&fields))
}

/// With all parameters that the platform sent.
async fn come_back(
    api: &Api,
    plugin: String,
    query: Fields,
    headers: &HeaderMap,
    request: RequestId,
) -> Result<Response, Problem> {
    let base = api.oauth.base(local_host(headers))?;
    let name = name_of_cookie(&query);
    let cookie = cookie(headers, &name).map(str::to_owned);
    let url = api.oauth.callback(Back { plugin, query, cookie, request }).await?;
    sent_on(&url, &set_cookie(&base, &name, "", 0))
}

/// The cookie of the state.
fn name_of_cookie(query: &Fields) -> String {
    let state = query.iter().find(|(name, _)| name == "state");
    state.map(|(_, state)| cookie_name(state)).unwrap_or_default()
}

/// 303, not cached and without a `Referer` for the next page.
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
    // Behind a proxy the host may have a path prefix.
    let (_, place) = base.split_once("://").unwrap_or_default();
    let below = place.split_once('/').map(|(_, path)| format!("/{path}")).unwrap_or_default();
    format!("{name}={value}; HttpOnly; SameSite=Lax; Path={below}/auth; Max-Age={seconds}{secure}")
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(one, _)| one.trim() == name).map(|(_, value)| value.trim())
}

/// The `Host` of the request, if that is this machine.
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
