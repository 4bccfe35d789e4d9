//! `http`: a tape has the request without the secrets that are placed in it, and the platform's answer.

use wasmtime::component::Resource;

use super::Taped;
use crate::bindings::Error;
use crate::bindings::imports::moothall::plugin::http;
use crate::secret_handle::SecretHandle;
use crate::tape::{OnTape, Turn, send_arguments};

impl http::Host for Taped<'_> {
    async fn send(
        &mut self,
        request: http::Request,
        secrets: Vec<(http::Placement, Resource<SecretHandle>)>,
    ) -> Result<http::Response, Error> {
        let Some(tape) = self.tape() else {
            return http::Host::send(&mut *self.0, request, secrets).await;
        };
        let arguments = || {
            let placed = secrets.iter().map(|(place, handle)| (place, self.0.grant_of(handle)));
            send_arguments(&request, &placed.collect::<Vec<_>>())
        };
        let place = match tape.enter("http.send", arguments) {
            Turn::Tape(given) => return self.given(given),
            Turn::Host(place) => place,
        };
        let answer = http::Host::send(&mut *self.0, request, secrets).await;
        self.note(&tape, place, || answer.written());
        answer
    }
}
