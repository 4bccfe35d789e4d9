//! `http`: outbound requests through the egress, within the plugin's grants.

use wasmtime::component::Resource;

use super::error;
use super::secrets::SecretHandle;
use crate::guest::bindings::imports::moothall::plugin::http;
use crate::guest::bindings::{Error, ErrorKind};
use crate::guest::call_state::CallState;

impl http::Host for CallState {
    async fn send(
        &mut self,
        _request: http::Request,
        _secrets: Vec<(http::Placement, Resource<SecretHandle>)>,
    ) -> Result<http::Response, Error> {
        Err(error(ErrorKind::Forbidden, "this host sends nothing"))
    }
}
