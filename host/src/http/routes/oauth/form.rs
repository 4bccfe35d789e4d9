//! `response_mode=form_post`: the platform makes the browser post its answer to the callback.
//!
//! That request comes from another site, so the browser leaves the cookie of the flow out (`SameSite=Lax`). It
//! is answered with a page of ours that posts the same fields to the same place: that request has the cookie.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use url::form_urlencoded;

use crate::http::api::Api;
use crate::http::html;
use crate::http::middleware::body;
use crate::http::problem::Problem;

/// The query of the URL that the page posts to. What comes there is not sent back once more.
const AGAIN: &str = "posted=again";
const SCRIPT: &str = "document.forms[0].submit()";

pub type Fields = Vec<(String, String)>;

/// The form that was posted.
pub async fn read(api: &Api, headers: &HeaderMap, body: Body) -> Result<Fields, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Problem::bad_request(
            "What is posted here is a form: Content-Type application/x-www-form-urlencoded",
        ));
    }
    let bytes = body::read_at_most(api, body, api.oauth.form_bytes).await?;
    Ok(form_urlencoded::parse(&bytes).into_owned().collect())
}

/// Whether our own page has posted it.
pub fn is_again(uri: &Uri) -> bool {
    uri.query() == Some(AGAIN)
}

/// Has the browser post it again, from this origin.
pub fn again(fields: &Fields) -> Response {
    let inputs: String = fields
        .iter()
        .map(|(name, value)| {
            let (name, value) = (html::escape(name), html::escape(value));
            format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">\n")
        })
        .collect();
    let form = format!(
        "<form method=\"post\" action=\"?{AGAIN}\">\n{inputs}<button>Continue</button>\n</form>"
    );
    html::page(StatusCode::OK, "One moment", &form, Some(SCRIPT))
}
