//! Repositories, also under the names that they had before, and lists in pages.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use super::{Facts, Shared, authentication, json_answer, not_found, not_permitted};

/// Items of a page, unless asked for others.
const PER_PAGE: usize = 30;
const MOST_PER_PAGE: usize = 100;

pub fn routes() -> Router<Shared> {
    Router::new().route("/api/v3/repos/{owner}/{repo}", get(repository))
}

async fn repository(
    State(data): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    Path(named): Path<[String; 2]>,
) -> Response {
    let kept = data.kept();
    match find(&kept, &headers, &named, &method, &uri) {
        Err(refused) => *refused,
        Ok(name) => {
            let [owner, repo] = named;
            let body =
                json!({ "id": 77, "full_name": name, "name": repo, "owner": { "login": owner } });
            json_answer(StatusCode::OK, &body)
        }
    }
}

/// The repository, if the token's installation has it; else the answer.
pub fn find(
    kept: &Facts,
    headers: &HeaderMap,
    [owner, repo]: &[String; 2],
    method: &Method,
    uri: &Uri,
) -> Result<String, Box<Response>> {
    let account = authentication::installation(headers, kept)?;
    let name = format!("{owner}/{repo}");
    if let Some(now) = kept.renamed.get(&name) {
        let status = if *method == Method::GET {
            StatusCode::MOVED_PERMANENTLY
        } else {
            StatusCode::TEMPORARY_REDIRECT
        };
        let location = format!("{}{}", kept.url, uri.to_string().replacen(&name, now, 1));
        return Err(Box::new((status, [(header::LOCATION, location)]).into_response()));
    }
    if !kept.repositories.contains(&name) || *owner != account {
        return Err(Box::new(not_found()));
    }
    // Everything that is written here is in issues.
    match kept.permissions.get("issues") {
        Some(&"write") => Ok(name),
        Some(_) if *method == Method::GET => Ok(name),
        _ => Err(Box::new(not_permitted())),
    }
}

/// The page of a list that the query asks for, with a link to the next one.
pub fn page(url: &str, query: &BTreeMap<String, String>, all: &[Value]) -> Response {
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
    let per_page = number("per_page").unwrap_or(PER_PAGE).clamp(1, MOST_PER_PAGE);
    let page = number("page").unwrap_or(1).max(1);
    let from = (page - 1).saturating_mul(per_page).min(all.len());
    let to = (from + per_page).min(all.len());
    let mut response = json_answer(StatusCode::OK, &Value::from(&all[from..to]));
    if to < all.len() {
        let last = all.len().div_ceil(per_page);
        let at = |page: usize| format!("<{url}?per_page={per_page}&page={page}>");
        let link = format!("{}; rel=\"next\", {}; rel=\"last\"", at(page + 1), at(last));
        response.headers_mut().insert(header::LINK, link.parse().expect("a header"));
    }
    response
}
