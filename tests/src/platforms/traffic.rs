//! What goes to and fro at a platform's stand-in: what it was asked, and what goes wrong on command.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;

/// What one request meets instead of the platform.
#[derive(Clone, Debug)]
pub enum Mishap {
    /// This status and this body.
    Status(u16, &'static str),
    /// The same, with a header.
    With(u16, &'static str, String),
    /// No answer at all.
    Hang,
}

/// Shared by a stand-in and its test.
#[derive(Clone, Debug, Default)]
pub struct Traffic(Arc<Mutex<Passed>>);

#[derive(Debug, Default)]
struct Passed {
    /// `GET /path?query`, in the order of arrival.
    seen: Vec<String>,
    /// Each with a part of the line that it waits for.
    mishaps: Vec<(String, Mishap)>,
}

impl Traffic {
    /// The next request whose method and path contain `part` meets this.
    pub fn befalls(&self, part: &str, mishap: Mishap) {
        self.kept().mishaps.push((part.to_owned(), mishap));
    }

    /// The requests so far whose method and path contain `part`.
    pub fn seen(&self, part: &str) -> Vec<String> {
        self.kept().seen.iter().filter(|line| line.contains(part)).cloned().collect()
    }

    /// Serves these routes on a port of its own until the test's runtime ends; returns their URL.
    pub async fn serve(&self, routes: Router) -> String {
        let routes = routes.layer(from_fn_with_state(self.clone(), pass));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        tokio::spawn(async move { axum::serve(listener, routes).await });
        format!("http://{address}")
    }

    fn meet(&self, line: String) -> Option<Mishap> {
        let mut kept = self.kept();
        let at = kept.mishaps.iter().position(|(part, _)| line.contains(part.as_str()));
        kept.seen.push(line);
        at.map(|at| kept.mishaps.remove(at).1)
    }

    fn kept(&self) -> MutexGuard<'_, Passed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn pass(State(traffic): State<Traffic>, request: Request, next: Next) -> Response {
    match traffic.meet(format!("{} {}", request.method(), request.uri())) {
        None => next.run(request).await,
        Some(Mishap::Status(status, body)) => answer(status, body),
        Some(Mishap::With(status, name, value)) => {
            let mut response = answer(status, "{}");
            let value = value.parse().expect("a header's value");
            response.headers_mut().insert(name, value);
            response
        }
        Some(Mishap::Hang) => std::future::pending().await,
    }
}

fn answer(status: u16, body: &'static str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response()
}
