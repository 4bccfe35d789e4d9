//! `http`: outbound requests through the egress, within the plugin's grants.
//!
//! The secrets that a request carries are placed here, and must never come back: not in an error,
//! a log, or what a dry run shows.

mod placement;

use std::time::Duration;

use wasmtime::component::Resource;

use crate::bindings::imports::moothall::plugin::http;
use crate::bindings::{Error, ErrorKind};
use crate::call_state::CallState;
use crate::network::{Permit, guest_error};
use crate::refusal::error;
use crate::secret_handle::SecretHandle;
use moothall_egress::Outbound;

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
        self.check_placements(secrets.len())?;
        let permit = self.permit(&outbound.url)?;
        let room = permit.room();
        room.check(&outbound).map_err(guest_error)?;
        for (place, handle) in secrets {
            placement::place(&mut outbound, room, place, self.secret(&handle)?)?;
        }
        // Dropped when the answer has been copied into the guest.
        let (answer, _reservation) = permit.send(outbound).await.map_err(guest_error)?;
        let (headers, body) = (answer.headers, answer.body.into());
        Ok(http::Response { status: answer.status, headers, body })
    }
}

impl CallState {
    fn check_placements(&self, placements: usize) -> Result<(), Error> {
        let limit = self.plugin_context.limits.http_placements;
        if placements <= limit {
            return Ok(());
        }
        let message = format!(
            "a request carries at most {limit} secrets (http_placements), this one would carry {placements}"
        );
        Err(error(ErrorKind::Invalid, message))
    }

    fn permit(&mut self, url: &str) -> Result<Permit, Error> {
        if let Some(fatal) = self.fatal.clone() {
            return Err(self.end_with(fatal));
        }
        self.sending().permit(url)
    }
}
