//! `response_mode=form_post`: the platform makes the browser post its answer to the callback.
//!
//! That request comes from another site, so the browser leaves the cookie of the flow out (`SameSite=Lax`). The
//! host answers with a page that posts the same fields to the same URL: that request has the cookie.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use url::form_urlencoded;

use crate::http::api::Api;
use crate::http::html;
use crate::http::middleware::body;
use crate::http::problem::Problem;

/// The query of the URL to which the page posts. A form that arrives there is not posted again.
const REPOSTED: &str = "reposted=true";
const SCRIPT: &str = "document.forms[0].submit()";

pub type Fields = Vec<(String, String)>;

/// The form that was posted.
pub async fn read(api: &Api, headers: &HeaderMap, body: Body) -> Result<Fields, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Problem::bad_request(
            "The body must be a form, with Content-Type application/x-www-form-urlencoded",
        ));
    }
    let bytes = body::read_at_most(api, body, api.oauth.form_bytes).await?;
    Ok(form_urlencoded::parse(&bytes).into_owned().collect())
}

/// Whether it was posted by the host's own page.
pub fn is_reposted(uri: &Uri) -> bool {
    uri.query() == Some(REPOSTED)
}

/// Answers with the page that posts it again, from this origin.
pub fn repost_page(fields: &Fields) -> Response {
    let inputs: String = fields
        .iter()
        .map(|(name, value)| {
            let (name, value) = (html::escape(name), html::escape(value));
            format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">\n")
        })
        .collect();
    let form = format!(
        "<form method=\"post\" action=\"?{REPOSTED}\">\n{inputs}<button>Continue</button>\n</form>"
    );
    html::page(StatusCode::OK, "One moment", &form, Some(SCRIPT))
}
