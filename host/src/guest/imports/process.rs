//! `process`: the governance process that is being called.

use super::error;
use crate::guest::bindings::imports::moothall::plugin::process;
use crate::guest::bindings::{Error, ErrorKind};
use crate::guest::call_state::CallState;

fn none() -> Error {
    error(ErrorKind::Forbidden, "this call is not about a process")
}

impl process::Host for CallState {
    async fn id(&mut self) -> Result<String, Error> {
        Err(none())
    }
    async fn status(&mut self) -> Result<process::ProcessStatus, Error> {
        Err(none())
    }
    async fn set_status(&mut self, _status: process::ProcessStatus) -> Result<(), Error> {
        Err(none())
    }
    async fn outcome(&mut self) -> Result<String, Error> {
        Err(none())
    }
    async fn set_outcome(&mut self, _outcome: String) -> Result<(), Error> {
        Err(none())
    }
    async fn errors(&mut self) -> Result<String, Error> {
        Err(none())
    }
    async fn set_errors(&mut self, _errors: String) -> Result<(), Error> {
        Err(none())
    }
    async fn url(&mut self) -> Result<Option<String>, Error> {
        Err(none())
    }
    async fn set_url(&mut self, _url: Option<String>) -> Result<(), Error> {
        Err(none())
    }
    async fn closing_at(&mut self) -> Result<Option<String>, Error> {
        Err(none())
    }
    async fn set_closing_at(&mut self, _closing_at: Option<String>) -> Result<(), Error> {
        Err(none())
    }
    async fn get(&mut self, _key: String) -> Result<Option<String>, Error> {
        Err(none())
    }
    async fn set(&mut self, _key: String, _value: String) -> Result<(), Error> {
        Err(none())
    }
    async fn remove(&mut self, _key: String) -> Result<bool, Error> {
        Err(none())
    }
}
