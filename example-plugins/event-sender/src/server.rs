//! The server that events are sent to. Says of each failure whether another try can help.

use moothall_sdk::http::{Request, Response};
use moothall_sdk::serde_json::json;
use moothall_sdk::{Error, Result, Secret, Sending, http};

/// A bucket of a server.
pub struct Server {
    pub url: String,
    pub bucket: String,
    pub token: Option<Secret>,
}

impl Server {
    /// One that is there already is as good.
    pub fn create_bucket(&self) -> Result<()> {
        let request = http::post(format!("{}/buckets", self.url));
        let answer = self.authorized(request.json(&json!({ "name": self.bucket }))).send()?;
        match answer.status {
            409 => Ok(()),
            _ => accepted(&answer),
        }
    }

    /// All events of one call. The id is the same on every try, so that the server can know it again.
    pub fn send(&self, id: &str, sending: &Sending) -> Result<()> {
        let request = http::post(format!("{}/buckets/{}/events", self.url, self.bucket));
        let body = json!({
            "handler_id": sending.handler_id,
            "account_id": sending.account_id,
            "request_id": sending.request_id,
            "event_create_time": sending.event_create_time,
            "event_end_time": sending.event_end_time,
            "events": sending.events,
        });
        accepted(&self.authorized(request.header("idempotency-key", id).json(&body)).send()?)
    }

    fn authorized(&self, request: Request) -> Request {
        match &self.token {
            Some(token) => request.bearer(token),
            None => request,
        }
    }
}

fn accepted(answer: &Response) -> Result<()> {
    let status = answer.status;
    match status {
        200..300 => Ok(()),
        408 | 429 | 500.. => Err(Error::unavailable(format!("the server answered {status}"))),
        _ => Err(Error::permanent(format!("the server refused it with {status}"))),
    }
}
