//! `types`: shapes only.

use crate::bindings::imports::moothall::plugin::types;
use crate::call_state::CallState;

impl types::Host for CallState {}
