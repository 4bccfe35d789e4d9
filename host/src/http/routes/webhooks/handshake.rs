//! Answers to handshakes, by which a platform checks a URL before it uses it.

use axum::http::StatusCode;

use moothall_background::webhooks::HandshakeReply;
use moothall_core::web::Response;

/// The methods that a webhook's URL takes.
const METHODS: &str = "OPTIONS, HEAD, GET, POST, PUT, PATCH, DELETE";

/// The response as platforms expect it.
pub fn response(reply: HandshakeReply) -> Response {
    match reply {
        HandshakeReply::Exists | HandshakeReply::OfPlugin(None) => of(StatusCode::OK, &[], ""),
        HandshakeReply::AnyMethod => of(StatusCode::NO_CONTENT, &[("allow", METHODS)], ""),
        HandshakeReply::Text(text) => token("text/plain; charset=utf-8", &text),
        HandshakeReply::Json(text) => token("application/json", &text),
        HandshakeReply::OfPlugin(Some(response)) => response,
    }
}

/// Anybody may have made the URL that holds the token: no browser may run it.
fn token(content_type: &str, body: &str) -> Response {
    let headers = [
        ("content-type", content_type),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ];
    of(StatusCode::OK, &headers, body)
}

fn of(status: StatusCode, headers: &[(&str, &str)], body: &str) -> Response {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let headers = headers.iter().map(owned).collect();
    Response { status: status.as_u16(), headers, body: body.as_bytes().to_vec() }
}
