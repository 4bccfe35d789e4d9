//! `settings`: the operator's settings of the plugin.

use crate::guest::bindings::imports::moothall::plugin::settings;
use crate::guest::call_state::CallState;

impl settings::Host for CallState {
    fn get(&mut self) -> String {
        self.terms.settings.public.clone()
    }
}
