//! `types`: shapes only.

use crate::guest::bindings::imports::moothall::plugin::types;
use crate::guest::call_state::CallState;

impl types::Host for CallState {}
