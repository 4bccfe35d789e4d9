//! Secrets as places, not values: the host keeps the value. A [`Secret`] that was read never contains it, and a
//! new one never prints it, so that nobody shows one by mistake.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::bindings::host::secrets as host;

/// A secret of the configuration or of the operator's settings, or one that the plugin has just
/// received from its platform.
///
/// The host seals the value of a field of this type when it stores it, and shows it nowhere.
///
/// ```
/// use moothall_sdk::http;
/// use moothall_sdk::prelude::*;
/// # use moothall_sdk::testing::{Answer, Host};
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Config {
///     api_key: Secret,
/// }
///
/// struct Weather;
///
/// #[plugin(name = "weather", config = Config, requests(http("weather.example")))]
/// impl Weather {
///     #[action(slug = "ask")]
///     fn ask(&self) -> Result<Value> {
///         // The host places the key; the plugin never has it.
///         let key = self.config()?.api_key;
///         http::get("https://weather.example").secret_query("key", &key).send()?.json()
///     }
/// }
///
/// # let mut host = Host::new(Weather)
/// #     .config(json!({ "api_key": "ABC123" }))
/// #     .answer("GET", "https://weather.example", Answer::ok().json("rain"));
/// # assert_eq!(host.action("ask", json!({})), Ok(json!("rain")));
/// # assert_eq!(host.sent()[0].url, "https://weather.example?key=ABC123");
/// ```
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Secret(Held);

#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
enum Held {
    /// A JSON Pointer into the configuration, or the name of a setting.
    ByHost {
        #[serde(rename = "$secret")]
        place: String,
    },
    /// A value that the plugin has received and gives to the host; never read from a configuration.
    #[serde(skip_deserializing)]
    New(String),
}

impl Secret {
    pub(crate) fn at(place: &str) -> Self {
        Self(Held::ByHost { place: place.to_owned() })
    }

    /// The secret `name` of the operator's settings.
    pub fn setting(name: &str) -> Self {
        Self::at(name)
    }

    /// A value that the plugin has just received, as part of the configuration that
    /// [`Authorized::app`](crate::oauth::Authorized::app) gives to the host.
    pub fn new_value(value: impl Into<String>) -> Self {
        Self(Held::New(value.into()))
    }

    /// Where the secret is: a JSON Pointer into the configuration, or the name of a setting; empty
    /// for one that the host does not keep yet.
    pub fn place(&self) -> &str {
        match &self.0 {
            Held::ByHost { place } => place,
            Held::New(_) => "",
        }
    }

    /// The value, if it is one that the host does not keep yet.
    pub(crate) fn new_text(&self) -> Option<&str> {
        match &self.0 {
            Held::ByHost { .. } => None,
            Held::New(value) => Some(value),
        }
    }

    /// The value itself, for a signature made in the plugin. `forbidden` unless the plugin asks for
    /// it with `requests(reveal(…))` and the operator grants it; `not-found` if it is not set.
    pub fn reveal(&self) -> Result<String> {
        match &self.0 {
            Held::ByHost { place } => Ok(handle(place)?.reveal()?),
            Held::New(value) => Ok(value.clone()),
        }
    }
}

/// The host's handle of the secret.
pub(crate) fn handle(place: &str) -> Result<host::Secret> {
    // A JSON Pointer begins with a slash, and the name of a setting does not.
    let handle = if place.starts_with('/') { host::get(place)? } else { host::setting(place)? };
    Ok(handle)
}

thread_local! {
    static IS_USED: Cell<bool> = const { Cell::new(false) };
}

/// Makes a schema, and says whether it contains a `Secret`.
pub(crate) fn is_used_by<T>(make: impl FnOnce() -> T) -> (T, bool) {
    IS_USED.set(false);
    (make(), IS_USED.get())
}

/// Shows the place; never shows a value.
impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Secret").field(&self.place()).finish()
    }
}

/// In a configuration people write the value: a string that is never read back.
impl JsonSchema for Secret {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        IS_USED.set(true);
        json_schema!({ "type": "string", "writeOnly": true })
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_is_read_from_its_place_only() {
        let secret: Secret =
            serde_json::from_str(r#"{"$secret":"/api_key"}"#).expect("the host's form");
        assert_eq!(secret.place(), "/api_key");
        assert!(serde_json::from_str::<Secret>(r#""ABC123""#).is_err());
    }

    #[test]
    fn a_new_value_is_written_and_never_printed() {
        let secret = Secret::new_value("ABC123");
        assert_eq!(serde_json::to_string(&secret).expect("JSON"), r#""ABC123""#);
        assert!(!format!("{secret:?}").contains("ABC123"));
    }
}
