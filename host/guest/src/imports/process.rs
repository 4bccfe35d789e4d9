//! `process`: the governance process that is being called, under its instance's lock.
//!
//! What is set collects in the effects; a completed process takes nothing any more. One that `start`
//! makes is not stored yet: it begins empty.

use moothall_values::bounds::PROCESS_URL_BYTES;

use crate::bindings::imports::moothall::plugin::process;
use crate::bindings::{Error, ErrorKind};
use crate::call_state::CallState;
use crate::fault::Fault;
use crate::refusal::{carried, error};
use moothall_core::clock::{A_MOMENT, parse_rfc3339, rfc3339};
use moothall_core::effects::{ProcessChange, ProcessStatus};
use moothall_core::ids::{CommunityId, InstanceId};
use moothall_core::instance::ProcessRef;
use moothall_store::ProcessRow;

impl process::Host for CallState {
    async fn id(&mut self) -> Result<String, Error> {
        self.the_process().map(|process| process.public_id.to_string())
    }

    async fn status(&mut self) -> Result<process::ProcessStatus, Error> {
        Ok(match self.process_now().await?.status {
            ProcessStatus::Created => process::ProcessStatus::Created,
            ProcessStatus::Pending => process::ProcessStatus::Pending,
            ProcessStatus::Completed => process::ProcessStatus::Completed,
        })
    }

    async fn set_status(&mut self, status: process::ProcessStatus) -> Result<(), Error> {
        let status = match status {
            process::ProcessStatus::Created => {
                let message =
                    "only the host makes a process `created`; set `pending` or `completed`";
                return Err(error(ErrorKind::Invalid, message));
            }
            process::ProcessStatus::Pending => ProcessStatus::Pending,
            process::ProcessStatus::Completed => ProcessStatus::Completed,
        };
        let change = self.open_process().await?;
        if change.status == Some(ProcessStatus::Completed) {
            return Err(is_completed());
        }
        change.status = Some(status);
        Ok(())
    }

    async fn outcome(&mut self) -> Result<String, Error> {
        Ok(self.process_now().await?.outcome)
    }

    async fn set_outcome(&mut self, outcome: String) -> Result<(), Error> {
        self.check_json("outcome", &outcome)?;
        self.require_day_room(2 * outcome.len() as u64)?;
        self.open_process().await?.outcome = Some(outcome);
        Ok(())
    }

    async fn errors(&mut self) -> Result<String, Error> {
        Ok(self.process_now().await?.errors)
    }

    async fn set_errors(&mut self, errors: String) -> Result<(), Error> {
        self.check_json("errors", &errors)?;
        self.require_day_room(2 * errors.len() as u64)?;
        self.open_process().await?.errors = Some(errors);
        Ok(())
    }

    async fn url(&mut self) -> Result<Option<String>, Error> {
        Ok(self.process_now().await?.url)
    }

    async fn set_url(&mut self, url: Option<String>) -> Result<(), Error> {
        if url.as_ref().is_some_and(|url| url.len() > PROCESS_URL_BYTES) {
            let message = format!("a process's url has at most {PROCESS_URL_BYTES} bytes");
            return Err(error(ErrorKind::Invalid, message));
        }
        self.open_process().await?.url = Some(url);
        Ok(())
    }

    async fn closing_at(&mut self) -> Result<Option<String>, Error> {
        Ok(self.process_now().await?.closing_at.map(rfc3339))
    }

    async fn set_closing_at(&mut self, closing_at: Option<String>) -> Result<(), Error> {
        let wrong = |text: &str| {
            let message = format!("`{text}` is not {A_MOMENT}");
            error(ErrorKind::Invalid, message)
        };
        let parse = |text: String| parse_rfc3339(&text).ok_or_else(|| wrong(&text));
        let closing_at = closing_at.map(parse).transpose()?;
        self.open_process().await?.closing_at = Some(closing_at);
        Ok(())
    }

    async fn get(&mut self, key: String) -> Result<Option<String>, Error> {
        self.check_key(&key)?;
        self.process_now().await?;
        self.process_value(&key)
    }

    async fn set(&mut self, key: String, value: String) -> Result<(), Error> {
        self.check_key(&key)?;
        self.check_value(&key, &value)?;
        self.write_process_value(key, Some(value)).await.map(drop)
    }

    async fn remove(&mut self, key: String) -> Result<bool, Error> {
        self.check_key(&key)?;
        self.write_process_value(key, None).await
    }
}

impl CallState {
    fn the_process(&self) -> Result<&ProcessRef, Error> {
        let none = || error(ErrorKind::Forbidden, "this call is not about a process");
        self.call_context.process.as_deref().ok_or_else(none)
    }

    /// The process as this call sees it. Takes the lock and reads it at the first use.
    async fn process_now(&mut self) -> Result<ProcessRow, Error> {
        let reference = self.the_process()?.clone();
        let touched = self.touch_state().await;
        let instance = touched.map_err(|fault| self.end_with(fault))?;
        if self.process_row.is_none() {
            let row = if reference.is_new {
                Some(unborn(&reference, instance.id, instance.community.id))
            } else {
                self.stored(|state| state.shared.store.read(|r| r.process_by_id(reference.id)))?
            };
            let Some(row) = row else { return Err(self.end_with(Fault::InstanceReplaced)) };
            self.process_row = Some(row);
        }
        let row = self
            .process_row
            .clone()
            .unwrap_or_else(|| unborn(&reference, instance.id, instance.community.id));
        Ok(match &self.effects.process {
            Some(change) => row.with(change),
            None => row,
        })
    }

    /// The changes that this call makes to the process. Fails if the process was completed before.
    async fn open_process(&mut self) -> Result<&mut ProcessChange, Error> {
        self.process_now().await?;
        let completed = self.process_row.as_ref().map(|row| row.status);
        if completed == Some(ProcessStatus::Completed) {
            return Err(is_completed());
        }
        Ok(self.effects.process.get_or_insert_default())
    }

    fn process_value(&mut self, key: &str) -> Result<Option<String>, Error> {
        let own = self.effects.process.as_ref().and_then(|change| change.state.get(key));
        if let Some(own) = own {
            return Ok(own.clone());
        }
        let reference = self.the_process()?.clone();
        if reference.is_new {
            return Ok(None);
        }
        self.stored(|state| state.shared.store.read(|r| r.process_value(reference.id, key)))
    }

    /// Whether the key was set before.
    async fn write_process_value(
        &mut self,
        key: String,
        value: Option<String>,
    ) -> Result<bool, Error> {
        self.open_process().await?;
        self.count_write()?;
        let adds = value.as_ref().map_or(0, |value| key.len() + value.len());
        self.require_day_room(adds as u64)?;
        let before = self.process_value(&key)?;
        let entry =
            |value: &Option<String>| value.as_ref().map_or(0, |v| (v.len() + key.len()) as u64);
        let (was, will_be) = (entry(&before), entry(&value));
        let bytes = self.process_now().await?.state_bytes.saturating_sub(was) + will_be;
        let limit = self.plugin_context.limits.state_bytes;
        if will_be > was && bytes > limit {
            let message = format!(
                "the process's state would have {bytes} bytes, at most {limit} are allowed"
            );
            return Err(error(ErrorKind::Conflict, message));
        }
        self.keep(will_be)?;
        let change = self.open_process().await?;
        change.state_bytes = Some(bytes);
        change.state.insert(key, value);
        Ok(before.is_some())
    }

    fn check_json(&self, what: &str, text: &str) -> Result<(), Error> {
        let limit = self.plugin_context.limits.process_bytes;
        if text.len() > limit {
            let message = format!("{} bytes of {what}, at most {limit} are allowed", text.len());
            return Err(error(ErrorKind::Invalid, message));
        }
        carried(|| format!("the {what}"), text)
    }
}

/// A completed process is never changed.
fn is_completed() -> Error {
    error(ErrorKind::Conflict, "the process is completed, and a completed process is never changed")
}

/// A process that `start` has not returned from.
fn unborn(process: &ProcessRef, instance: InstanceId, community: CommunityId) -> ProcessRow {
    ProcessRow {
        id: process.id,
        public_id: process.public_id.to_string(),
        community,
        slug: String::new(),
        instance,
        plugin: String::new(),
        name: process.name.to_string(),
        status: ProcessStatus::Created,
        outcome: "{}".to_owned(),
        errors: "{}".to_owned(),
        url: None,
        callback_url: None,
        closing_at: None,
        state_bytes: 0,
    }
}
