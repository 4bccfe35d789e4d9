//! `http`: outbound requests through the egress, within the plugin's grants.
//!
//! The secrets that a request carries are placed here, and must never come back: not in an error,
//! a log, or what a dry run shows.

mod placement;

use std::time::Duration;

use wasmtime::component::Resource;

use super::error;
use super::secrets::SecretHandle;
use crate::egress::{Body, CheckedUrl, Egress, EgressError, Outbound, Reach};
use crate::guest::Share;
use crate::guest::bindings::imports::moothall::plugin::http;
use crate::guest::bindings::{Error, ErrorKind};
use crate::guest::call_state::CallState;

impl http::Host for CallState {
    async fn send(
        &mut self,
        request: http::Request,
        secrets: Vec<(http::Placement, Resource<SecretHandle>)>,
    ) -> Result<http::Response, Error> {
        let mut outbound = Outbound {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body.into(),
            timeout: request.timeout_ms.map(|ms| Duration::from_millis(ms.into())),
        };
        let shown = self.permit(&outbound.url)?;
        for (place, handle) in secrets {
            let secret = self.secret(&handle)?;
            placement::place(&mut outbound, place, secret)?;
        }
        let _share = self.share_of_answer(outbound.body.len())?;
        let method = outbound.method.clone();
        let reach = Reach::Also(self.terms.grants.cidr().clone());
        let answer = self.shared.egress.send(outbound, &reach, Body::Whole).await.map_err(told)?;
        self.effects.http.push((method, shown, answer.status));
        let (headers, body) = (answer.headers, answer.body.into());
        Ok(http::Response { status: answer.status, headers, body })
    }
}

impl CallState {
    /// Counts a request that the call may send; its URL as it is shown.
    pub(super) fn permit(&mut self, url: &str) -> Result<String, Error> {
        if let Some(doom) = self.doom.clone() {
            return Err(self.doom_with(doom));
        }
        if !self.subject.may_send {
            let message =
                "this call sends nothing: it is a dry run without `allow_http=true`, or `describe`";
            return Err(error(ErrorKind::Forbidden, message));
        }
        let url = Egress::check_url(url).map_err(told)?;
        self.may_reach(&url)?;
        let limit = self.terms.limits.http_requests;
        if self.http_requests >= limit {
            let message = format!("a call may send {limit} requests (http_requests)");
            return Err(error(ErrorKind::Conflict, message));
        }
        self.http_requests += 1;
        Ok(url.without_query())
    }

    fn may_reach(&self, url: &CheckedUrl) -> Result<(), Error> {
        // The host wrote it; a config that is not JSON names no host.
        let config = serde_json::from_str(&self.subject.config).unwrap_or_default();
        let denied = |message| error(ErrorKind::Forbidden, message);
        self.terms.grants.may_reach(url, &config).map_err(denied)
    }

    /// What the request and the largest answer take of all guests' memory, until they are the
    /// guest's.
    pub(super) fn share_of_answer(&self, request: usize) -> Result<Share, Error> {
        let mut share = Share::none_of(self.shared.memory.clone());
        let bytes = self.shared.egress.response_bytes().saturating_add(request);
        if share.grow(bytes as u64) {
            return Ok(share);
        }
        Err(error(ErrorKind::Unavailable, "all guests together use too much memory"))
    }
}

/// What a guest is told of a request that failed.
fn told(failed: EgressError) -> Error {
    let kind = match failed {
        EgressError::Invalid(_) => ErrorKind::Invalid,
        EgressError::Refused(_) => ErrorKind::Forbidden,
        EgressError::Connect(_)
        | EgressError::Timeout(_)
        | EgressError::TooLarge(_)
        | EgressError::Broken(_) => ErrorKind::Unavailable,
    };
    let told = error(kind, failed.to_string());
    // Asking again makes an answer no smaller.
    let retryable = told.retryable && !matches!(failed, EgressError::TooLarge(_));
    Error { retryable, ..told }
}
