//! `process`: the one that the call is about. A completed one takes nothing any more.

pub use crate::bindings::imports::moothall::plugin::process::ProcessStatus;

use super::state::{check_key, count_write, write};
use super::types::Error as Refusal;
use crate::process::is_rfc3339;
use crate::testing::kept::ProcessRecord;
use crate::testing::world::now;
use crate::{Error, Result};

type Answered<T> = std::result::Result<T, Refusal>;

pub fn id() -> Answered<String> {
    Ok(now(|world| world.process_id())?)
}

pub fn status() -> Answered<ProcessStatus> {
    read(|process| process.status)
}

pub fn set_status(status: ProcessStatus) -> Answered<()> {
    change(|process| {
        if status == ProcessStatus::Created {
            return Err(Error::invalid("only the host makes a process `created`"));
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
        process.outcome = serde_json::from_str(outcome)?;
        Ok(())
    })
}

pub fn errors() -> Answered<String> {
    read(|process| process.errors.to_string())
}

pub fn set_errors(errors: &str) -> Answered<()> {
    change(|process| {
        process.errors = serde_json::from_str(errors)?;
        Ok(())
    })
}

pub fn url() -> Answered<Option<String>> {
    read(|process| process.url.clone())
}

pub fn set_url(url: Option<&str>) -> Answered<()> {
    change(|process| {
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
            return Err(Error::invalid(format!("'{wrong}' is no time as RFC 3339 has it")));
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

fn read<T>(look: impl FnOnce(&ProcessRecord) -> T) -> Answered<T> {
    Ok(now(|world| world.the_process().map(|process| look(process)))?)
}

fn change<T>(change: impl FnOnce(&mut ProcessRecord) -> Result<T>) -> Answered<T> {
    Ok(now(|world| {
        let process = world.the_process()?;
        if process.status == ProcessStatus::Completed {
            return Err(Error::conflict("the process is completed"));
        }
        change(process)
    })?)
}
