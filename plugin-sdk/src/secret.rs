//! Secrets as places, not values: the host keeps the value. A [`Secret`] never holds it, so that
//! it cannot be printed or stored by mistake.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::Result;
use crate::bindings::host::secrets as host;

/// A secret of the configuration or of the operator's settings.
///
/// As a field it makes the host seal the value at rest and show it nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Secret {
    /// A JSON Pointer into the configuration, or the name of a setting.
    #[serde(rename = "$secret")]
    place: String,
}

impl Secret {
    pub(crate) fn at(place: &str) -> Self {
        Self { place: place.to_owned() }
    }

    /// Where the secret is: a JSON Pointer into the configuration, or the name of a setting.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The value itself, for a signature made in the plugin. `forbidden` unless the plugin asks for
    /// it with `requests(reveal(…))` and the operator grants it; `not-found` if it is not set.
    pub fn reveal(&self) -> Result<String> {
        Ok(self.handle()?.reveal()?)
    }

    fn handle(&self) -> Result<host::Secret> {
        // A pointer to a value inside an object begins with a slash, and a setting's name does not.
        let handle = if self.place.starts_with('/') {
            host::get(&self.place)?
        } else {
            host::setting(&self.place)?
        };
        Ok(handle)
    }
}

/// What people write into a configuration is the value, a string that is never read back.
impl JsonSchema for Secret {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
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
}
