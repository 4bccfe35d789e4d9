//! `settings`: the operator's settings of the plugin.

use crate::bindings::imports::moothall::plugin::settings;
use crate::call_state::CallState;

impl settings::Host for CallState {
    fn get(&mut self) -> String {
        self.plugin_context.settings.public.clone()
    }
}
