//! `hooks.wit`: finds a step by its hook's name, and gives the host its verdict.

use crate::bindings::hooks;
use crate::bindings::host::types as wit;
use crate::hooks::Kind;
use crate::{Plugin, Result, Verdict, write};

/// A plugin with steps of hooks.
pub trait Filters: Plugin {
    fn filter(&self, hook: &str, data: &str) -> Result<Verdict>;
}

impl<T: Filters> hooks::exports::moothall::plugin::hooks::Guest for T {
    fn filter(
        hook: String,
        json: String,
    ) -> std::result::Result<hooks::exports::moothall::plugin::hooks::Verdict, wit::Error> {
        use hooks::exports::moothall::plugin::hooks::Verdict as Wit;
        Ok(match T::PLUGIN.filter(&hook, &json)?.0 {
            Kind::Pass => Wit::Pass,
            Kind::Update(value) => Wit::Update(write::json(&value)?),
            Kind::Stop => Wit::Stop,
            Kind::Halt(name, more) => Wit::Halt(write::json(&serde_json::json!({ name: more }))?),
        })
    }
}
