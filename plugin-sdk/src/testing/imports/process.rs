//! `process`: the process that the call is for. The host never calls a completed process. A call may change the
//! process that it completes until the call ends, but cannot reopen it.

pub use crate::bindings::imports::moothall::plugin::process::ProcessStatus;

use moothall_values::bounds::{PROCESS_BYTES, PROCESS_URL_BYTES};
use moothall_values::moment::{A_MOMENT, is_rfc3339};

use super::state::{check_key, count_write, write};
use super::{Answered, carried};
use crate::testing::kept::ProcessRecord;
use crate::testing::world::now;
use crate::{Error, Result};

pub fn id() -> Answered<String> {
    Ok(now(|world| world.process_id())?)
}

pub fn status() -> Answered<ProcessStatus> {
    read(|process| process.status)
}

pub fn set_status(status: ProcessStatus) -> Answered<()> {
    change(|process| {
        if status == ProcessStatus::Created {
            let message = "only the host makes a process `created`; set `pending` or `completed`";
            return Err(Error::invalid(message));
        }
        if process.status == ProcessStatus::Completed {
            let message = "the process is completed, and a completed process is never changed";
            return Err(Error::conflict(message));
        }
        process.status = status;
        Ok(())
    })
}

pub fn outcome() -> Answered<String> {
    read(|process| process.outcome.to_string())
}

pub fn set_outcome(outcome: &str) -> Answered<()> {
    change(|process| {
        check("outcome", outcome)?;
        process.outcome = serde_json::from_str(outcome)?;
        Ok(())
    })
}

pub fn errors() -> Answered<String> {
    read(|process| process.errors.to_string())
}

pub fn set_errors(errors: &str) -> Answered<()> {
    change(|process| {
        check("errors", errors)?;
        process.errors = serde_json::from_str(errors)?;
        Ok(())
    })
}

pub fn url() -> Answered<Option<String>> {
    read(|process| process.url.clone())
}

pub fn set_url(url: Option<&str>) -> Answered<()> {
    change(|process| {
        if url.is_some_and(|url| url.len() > PROCESS_URL_BYTES) {
            let message = format!("a process's url has at most {PROCESS_URL_BYTES} bytes");
            return Err(Error::invalid(message));
        }
        process.url = url.map(str::to_owned);
        Ok(())
    })
}

pub fn closing_at() -> Answered<Option<String>> {
    read(|process| process.closing_at.clone())
}

pub fn set_closing_at(closing_at: Option<&str>) -> Answered<()> {
    change(|process| {
        if let Some(wrong) = closing_at.filter(|moment| !is_rfc3339(moment)) {
            return Err(Error::invalid(format!("`{wrong}` is not {A_MOMENT}")));
        }
        process.closing_at = closing_at.map(str::to_owned);
        Ok(())
    })
}

pub fn get(key: &str) -> Answered<Option<String>> {
    check_key(key)?;
    read(|process| process.state.get(key).cloned())
}

pub fn set(key: &str, value: &str) -> Answered<()> {
    now(count_write)?;
    change(|process| write(&mut process.state, key, value))
}

pub fn remove(key: &str) -> Answered<bool> {
    check_key(key)?;
    now(count_write)?;
    change(|process| Ok(process.state.remove(key).is_some()))
}

fn check(what: &str, text: &str) -> Result<()> {
    if text.len() > PROCESS_BYTES {
        return Err(Error::invalid(format!(
            "{} bytes of {what}, at most {PROCESS_BYTES} are allowed",
            text.len()
        )));
    }
    carried(&format!("the {what}"), text)
}

fn read<T>(look: impl FnOnce(&ProcessRecord) -> T) -> Answered<T> {
    Ok(now(|world| world.the_process().map(|process| look(process)))?)
}

fn change<T>(change: impl FnOnce(&mut ProcessRecord) -> Result<T>) -> Answered<T> {
    Ok(now(|world| change(world.the_process()?))?)
}
