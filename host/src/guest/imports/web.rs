//! `web`: shapes only.

use crate::guest::bindings::imports::moothall::plugin::web;
use crate::guest::call_state::CallState;

impl web::Host for CallState {}
