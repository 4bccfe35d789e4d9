//! `events`: what a guest emits collects in its call's effects.

use moothall_values::bounds::DEDUPE_KEY_BYTES;

use crate::bindings::imports::moothall::plugin::events;
use crate::bindings::{Error, ErrorKind};
use crate::call_state::CallState;
use crate::refusal::{carried, error};
use moothall_core::day_budget::ROW_BYTES;
use moothall_core::effects::Emitted;
use moothall_core::events::is_event_type;
use moothall_core::ids::new_event_id;

impl events::Host for CallState {
    async fn emit(
        &mut self,
        event_type: String,
        data: String,
        initiator: Option<String>,
        dedupe_key: Option<String>,
    ) -> Result<String, Error> {
        self.check_event(&event_type, &data, initiator.as_deref(), dedupe_key.as_deref())?;
        if let Some(key) = &dedupe_key
            && let Some(id) = self.emitted_already(key).await?
        {
            return Ok(id);
        }
        let stored = data.len() + initiator.as_ref().map_or(0, String::len);
        self.require_day_room(ROW_BYTES + stored as u64)?;
        let bytes = data.len() + initiator.as_ref().map_or(0, String::len) + event_type.len();
        self.keep(bytes as u64)?;
        let time = self.shared.clock.now_ms();
        let id = new_event_id(time);
        let event = Emitted { id: id.clone(), event_type, data, initiator, dedupe_key, time };
        self.effects.events.push(event);
        Ok(id)
    }
}

impl CallState {
    fn check_event(
        &self,
        event_type: &str,
        data: &str,
        initiator: Option<&str>,
        dedupe_key: Option<&str>,
    ) -> Result<(), Error> {
        let invalid = |message: String| Err(error(ErrorKind::Invalid, message));
        let (limit, count) =
            (self.plugin_context.limits.event_bytes, self.plugin_context.limits.events);
        if self.call_context.instance.is_none() || self.function.is_read_only {
            let message = "this call may not emit events: it is read-only, or for no instance";
            return Err(error(ErrorKind::Forbidden, message));
        }
        if self.effects.events.len() >= count {
            return Err(error(ErrorKind::Conflict, format!("a call may emit {count} events")));
        }
        if !is_event_type(event_type) {
            return invalid(format!(
                "the event type `{event_type}` does not match [A-Za-z0-9_.: -]{{1,100}}"
            ));
        }
        for (what, text) in [("data", Some(data)), ("initiator", initiator)] {
            let Some(text) = text else { continue };
            if text.len() > limit {
                return invalid(format!(
                    "the event's {what} has {} bytes, at most {limit} are allowed",
                    text.len()
                ));
            }
            carried(|| format!("the event's {what}"), text)?;
        }
        if dedupe_key.is_some_and(|key| !(1..=DEDUPE_KEY_BYTES).contains(&key.len())) {
            return invalid(format!("a dedupe key has 1 to {DEDUPE_KEY_BYTES} bytes"));
        }
        Ok(())
    }

    /// The id of the event with that key, of this call or of one within the last 24 hours. Under the
    /// instance's lock, so that two calls cannot both find none.
    async fn emitted_already(&mut self, key: &str) -> Result<Option<String>, Error> {
        let own = self.effects.events.iter().find(|one| one.dedupe_key.as_deref() == Some(key));
        if let Some(own) = own {
            return Ok(Some(own.id.clone()));
        }
        let touched = self.touch_state().await;
        let instance = touched.map_err(|fault| self.end_with(fault))?;
        let now = self.shared.clock.trusted_ms();
        let scope = moothall_core::events::instance_scope(instance.id);
        let found = self.shared.store.read(|reader| reader.deduplicated(&scope, key, now));
        found.map_err(|error| self.end_with(error.into()))
    }
}
