//! `context` and `settings`: a recording has all that they can answer, so that nothing is noted of them.

use super::Taped;
use crate::bindings::imports::moothall::plugin::{context, settings};
use moothall_values::recording::RecordedContext;

impl Taped<'_> {
    /// What a repeated call sees around it.
    fn recorded(&self) -> Option<RecordedContext> {
        self.0.call_context.tape.as_ref()?.context()
    }

    fn recorded_ids(&self) -> Option<(String, String)> {
        self.0.call_context.tape.as_ref()?.ids()
    }
}

impl context::Host for Taped<'_> {
    fn community(&mut self) -> String {
        match self.recorded() {
            Some(recorded) => recorded.community,
            None => context::Host::community(&mut *self.0),
        }
    }

    fn community_name(&mut self) -> String {
        match self.recorded() {
            Some(recorded) => recorded.community_name,
            None => context::Host::community_name(&mut *self.0),
        }
    }

    fn instance(&mut self) -> u64 {
        match self.recorded() {
            Some(recorded) => recorded.instance,
            None => context::Host::instance(&mut *self.0),
        }
    }

    fn community_platform_id(&mut self) -> Option<String> {
        match self.recorded() {
            Some(recorded) => recorded.community_platform_id,
            None => context::Host::community_platform_id(&mut *self.0),
        }
    }

    fn call(&mut self) -> String {
        match self.recorded_ids() {
            Some((call, _)) => call,
            None => context::Host::call(&mut *self.0),
        }
    }

    fn origin(&mut self) -> String {
        match self.recorded() {
            Some(recorded) => recorded.origin,
            None => context::Host::origin(&mut *self.0),
        }
    }

    fn request_id(&mut self) -> String {
        match self.recorded_ids() {
            Some((_, request)) => request,
            None => context::Host::request_id(&mut *self.0),
        }
    }

    fn config(&mut self) -> String {
        match self.recorded() {
            Some(recorded) => recorded.config,
            None => context::Host::config(&mut *self.0),
        }
    }
}

impl settings::Host for Taped<'_> {
    fn get(&mut self) -> String {
        match self.recorded() {
            Some(recorded) => recorded.settings,
            None => settings::Host::get(&mut *self.0),
        }
    }
}
