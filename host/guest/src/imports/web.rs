//! `web`: shapes only.

use crate::bindings::imports::moothall::plugin::web;
use crate::call_state::CallState;

impl web::Host for CallState {}
