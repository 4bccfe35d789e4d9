//! `accounts`: people of the community and their accounts on platforms.

use super::error;
use crate::guest::bindings::imports::moothall::plugin::accounts;
use crate::guest::bindings::{Error, ErrorKind};
use crate::guest::call_state::CallState;

fn none() -> Error {
    error(ErrorKind::Forbidden, "this host keeps no accounts")
}

impl accounts::Host for CallState {
    fn link(&mut self, _account: String) -> Result<String, Error> {
        Err(none())
    }

    fn unlink(&mut self, _t: String, _i: String, _c: Option<String>) -> Result<bool, Error> {
        Err(none())
    }

    fn find(
        &mut self,
        _t: String,
        _i: String,
        _c: Option<String>,
    ) -> Result<Option<String>, Error> {
        Err(none())
    }

    fn user(&mut self, _external_id: String) -> Result<String, Error> {
        Err(none())
    }
}
