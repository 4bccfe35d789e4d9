//! `state`: the instance's key-value state. The state of a process has the same rules.

use std::collections::BTreeMap;

use moothall_values::bounds::{STATE_KEY_BYTES, STATE_VALUE_BYTES, STATE_WRITES};

use super::carried;
use super::types::Error as Refusal;
use crate::testing::world::{World, now};
use crate::{Error, Result};

/// The most keys that `keys` returns.
const KEYS: u32 = 1_000;

pub fn get(key: &str) -> std::result::Result<Option<String>, Refusal> {
    Ok(now(|world| {
        check_key(key)?;
        world.instance_call()?;
        Ok::<_, Error>(world.kept.state.get(key).cloned())
    })?)
}

pub fn set(key: &str, value: &str) -> std::result::Result<(), Refusal> {
    Ok(now(|world| {
        count_write(world)?;
        write(&mut world.kept.state, key, value)
    })?)
}

pub fn remove(key: &str) -> std::result::Result<bool, Refusal> {
    Ok(now(|world| {
        check_key(key)?;
        count_write(world)?;
        Ok::<_, Error>(world.kept.state.remove(key).is_some())
    })?)
}

pub fn keys(
    prefix: &str,
    after: Option<&str>,
    limit: u32,
) -> std::result::Result<Vec<String>, Refusal> {
    Ok(now(|world| {
        world.instance_call()?;
        let keys = world.kept.state.keys().filter(|key| key.starts_with(prefix));
        let keys = keys.filter(|key| after.is_none_or(|after| key.as_str() > after));
        Ok::<_, Error>(keys.take(limit.clamp(1, KEYS) as usize).cloned().collect())
    })?)
}

pub(super) fn check_key(key: &str) -> Result<()> {
    if (1..=STATE_KEY_BYTES).contains(&key.len()) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "a state key has 1 to {STATE_KEY_BYTES} bytes, this one has {}",
        key.len()
    )))
}

pub(super) fn count_write(world: &mut World) -> Result<()> {
    let call = world.writing_call()?;
    call.writes += 1;
    if call.writes > STATE_WRITES {
        return Err(Error::conflict(format!("a call may write state {STATE_WRITES} times")));
    }
    Ok(())
}

pub(super) fn write(state: &mut BTreeMap<String, String>, key: &str, value: &str) -> Result<()> {
    check_key(key)?;
    if value.len() > STATE_VALUE_BYTES {
        return Err(Error::invalid(format!(
            "the state value of `{key}` has {} bytes, at most {STATE_VALUE_BYTES} are allowed",
            value.len()
        )));
    }
    carried(&format!("the state value of `{key}`"), value)?;
    state.insert(key.to_owned(), value.to_owned());
    Ok(())
}
