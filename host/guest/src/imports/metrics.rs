//! `metrics`: the host's own numbers, for plugins of host scope.

use crate::bindings::imports::moothall::plugin::metrics::Host;
use crate::bindings::{Error, ErrorKind};
use crate::call_state::CallState;
use crate::refusal::error;

impl Host for CallState {
    fn snapshot(&mut self) -> Result<String, Error> {
        let is_host = self.call_context.instance.as_ref().is_some_and(|one| one.is_of_host());
        if !is_host {
            let message = "the host's numbers are for plugins with `scope: \"host\"`";
            return Err(error(ErrorKind::Forbidden, message));
        }
        Ok(self.shared.numbers.snapshot())
    }
}
