//! `context`: who is being called, for whom. Answers from memory.

use crate::bindings::imports::moothall::plugin::context;
use crate::call_state::CallState;

impl context::Host for CallState {
    fn community(&mut self) -> String {
        self.call_context
            .instance
            .as_ref()
            .map(|instance| instance.community.slug.to_string())
            .unwrap_or_default()
    }

    fn community_name(&mut self) -> String {
        self.call_context
            .instance
            .as_ref()
            .map(|instance| instance.community.readable_name.to_string())
            .unwrap_or_default()
    }

    fn instance(&mut self) -> u64 {
        self.call_context.instance.as_ref().map_or(0, |instance| instance.id.0.unsigned_abs())
    }

    fn community_platform_id(&mut self) -> Option<String> {
        self.call_context.instance.as_ref()?.platform_id.as_deref().map(str::to_owned)
    }

    fn call(&mut self) -> String {
        self.call_id().to_string()
    }

    fn origin(&mut self) -> String {
        self.function.origin.as_str().to_owned()
    }

    fn request_id(&mut self) -> String {
        self.call_context.request_id.as_ref().map(|id| id.to_string()).unwrap_or_default()
    }

    fn config(&mut self) -> String {
        self.call_context.config.to_string()
    }
}
