//! `state`: the instance's key-value state, with the rules that the process's own has too.

use std::collections::BTreeMap;

use super::types::Error as Refusal;
use crate::testing::world::{World, now};
use crate::{Error, Result};

/// The default limits of the host.
const KEY_BYTES: usize = 512;
const VALUE_BYTES: usize = 256 << 10;
const WRITES: usize = 1_000;
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
    if (1..=KEY_BYTES).contains(&key.len()) {
        return Ok(());
    }
    Err(Error::invalid(format!("a key of the state has 1 to {KEY_BYTES} bytes")))
}

pub(super) fn count_write(world: &mut World) -> Result<()> {
    let call = world.writing_call()?;
    call.writes += 1;
    if call.writes > WRITES {
        return Err(Error::conflict(format!("a call may write {WRITES} times")));
    }
    Ok(())
}

pub(super) fn write(state: &mut BTreeMap<String, String>, key: &str, value: &str) -> Result<()> {
    check_key(key)?;
    if value.len() > VALUE_BYTES {
        return Err(Error::invalid(format!(
            "a value of the state has at most {VALUE_BYTES} bytes"
        )));
    }
    state.insert(key.to_owned(), value.to_owned());
    Ok(())
}
