//! The instance's key-value state, typed. It never caches: the host answers every read, including the call's
//! own writes.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::host::state as host;
use crate::{Error, Result, read, write};

/// The instance's own state, from [`Plugin::state`](crate::Plugin::state).
///
/// When the call succeeds, the host commits all its writes together; otherwise none. The first use in a call
/// waits for other calls of the instance that use its state.
///
/// ```
/// use moothall_sdk::prelude::*;
/// # use moothall_sdk::testing::Host;
///
/// #[derive(Serialize, Deserialize)]
/// struct Seat {
///     holder: String,
/// }
///
/// struct Board;
///
/// #[plugin(name = "board")]
/// impl Board {
///     #[action(slug = "elect")]
///     fn elect(&self, parameters: Value) -> Result<usize> {
///         let holder = parameters["name"].as_str().unwrap_or_default().to_owned();
///         self.state().set(&format!("seats/{holder}"), &Seat { holder })?;
///         self.state().remove("seats/nobody")?;
///         let seats = self.state().keys("seats/")?;
///         let last: Option<Seat> = seats.last().map_or(Ok(None), |key| self.state().get(key))?;
///         Ok(last.map_or(0, |_| seats.len()))
///     }
/// }
///
/// # let mut host = Host::new(Board);
/// # assert_eq!(host.action("elect", json!({ "name": "ann" })), Ok(json!(1)));
/// # assert_eq!(host.state("seats/ann"), Some(json!({ "holder": "ann" })));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct State {
    // Only a plugin can make one, so that the signature of a function shows that it uses the state.
    _private: (),
}

/// The most keys the host lists at once.
const PAGE: u32 = 1_000;

impl State {
    pub(crate) fn new() -> Self {
        Self { _private: () }
    }

    /// The value under `key`, if there is one.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let Some(json) = host::get(key)? else {
            return Ok(None);
        };
        read::json(&json).map(Some).map_err(|error| {
            Error::internal(format!("the state under '{key}' does not fit its type: {error}"))
        })
    }

    /// Writes `value` under `key`.
    pub fn set<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<()> {
        Ok(host::set(key, &write::json(value)?)?)
    }

    /// Removes `key`; returns whether it was there.
    pub fn remove(&self, key: &str) -> Result<bool> {
        Ok(host::remove(key)?)
    }

    /// All keys that begin with `prefix`, in ascending byte order.
    pub fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        let mut keys = self.keys_after(prefix, None, PAGE)?;
        let mut found = keys.len();
        while found == PAGE as usize {
            let page = self.keys_after(prefix, keys.last().map(String::as_str), PAGE)?;
            found = page.len();
            keys.extend(page);
        }
        Ok(keys)
    }

    /// The keys that begin with `prefix` and sort after `after`, in ascending byte order, at most
    /// `limit` of them (1 to 1,000).
    pub fn keys_after(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>> {
        Ok(host::keys(prefix, after, limit)?)
    }
}
