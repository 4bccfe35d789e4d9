//! Separates a config from its secrets: takes them out before it is stored, hides them in what is shown, and
//! puts them back.
//!
//! The config's schema says at which JSON Pointers the secrets are. An object that merely looks like a secret's
//! handle, at another place, is a value like any other and is never touched.

use std::collections::BTreeMap;

use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::schema::{Budget, Schema, Violation};

/// The placeholder for a secret in everything shown. If a client sends it back, the stored value stays.
pub const PLACEHOLDER: &str = "********";

/// A config in the two parts in which it is stored: the readable part, and the secrets, which are sealed one by
/// one.
#[derive(Debug)]
pub struct SplitConfig {
    /// The config with `{"$secret": "<its pointer>"}` in place of each secret, as guests see it.
    pub public: Value,
    /// The secrets by JSON Pointer. Elements of arrays are addressed by their index.
    pub secrets: BTreeMap<String, SecretString>,
}

/// How a config differs from the stored one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigChange {
    /// In nothing that makes a difference to the schema.
    Nothing,
    /// Only in secrets, which never recreate the instance.
    Secrets,
    Config,
}

/// Checks a config whose defaults are filled in, and takes its secrets out. It leaves out what the schema
/// ignores, because it has no effect.
pub fn seal(
    schema: &Schema,
    mut config: Value,
    budget: &mut Budget,
) -> Result<SplitConfig, Vec<Violation>> {
    let sealed = schema.validate_within(&config, budget).map(|()| {
        schema.forget_ignored(&mut config);
        split(&config, &schema.secrets().find(&config))
    });
    wipe(&mut config);
    sealed
}

impl SplitConfig {
    /// How it differs from a stored config, by the meaning that `schema` gives to both.
    pub fn change_from(
        &self,
        schema: &Schema,
        mut public: Value,
        secrets: &BTreeMap<String, SecretString>,
    ) -> ConfigChange {
        if schema.fill_defaults(&mut public).is_err() || !schema.is_same(&public, &self.public) {
            return ConfigChange::Config;
        }
        // What another version treated as secret and this one does not know is no secret of this config.
        let known = schema.secrets().find(&public);
        let stored: BTreeMap<_, _> =
            secrets.iter().filter(|(pointer, _)| known.contains(pointer)).collect();
        let is_sent = |(pointer, secret): (&&String, &&SecretString)| {
            let sent = self.secrets.get(*pointer);
            sent.is_some_and(|sent| sent.expose_secret() == secret.expose_secret())
        };
        match stored.len() == self.secrets.len() && stored.iter().all(is_sent) {
            true => ConfigChange::Nothing,
            false => ConfigChange::Secrets,
        }
    }

    /// The same with secrets addressed by their names instead of pointers, for an operator's settings.
    pub fn by_name(mut self) -> Self {
        let mut named = BTreeMap::new();
        for (pointer, secret) in self.secrets {
            let name = pointer.trim_start_matches('/').to_owned();
            if let Some(slot) = self.public.pointer_mut(&pointer) {
                *slot = json!({ "$secret": name });
            }
            named.insert(name, secret);
        }
        Self { public: self.public, secrets: named }
    }
}

/// Takes the strings at `pointers` out of `config`. Other values stay in it: refuse them before
/// (`not_strings`).
pub fn split(config: &Value, pointers: &[String]) -> SplitConfig {
    let mut public = config.clone();
    let mut secrets = BTreeMap::new();
    for pointer in pointers {
        if let Some(slot @ Value::String(_)) = public.pointer_mut(pointer)
            && let Value::String(secret) = std::mem::replace(slot, json!({ "$secret": pointer }))
        {
            secrets.insert(pointer.clone(), SecretString::from(secret));
        }
    }
    SplitConfig { public, secrets }
}

/// The whole config with its secrets, for validation. Never store, show or log it.
pub fn join(public: &Value, secrets: &BTreeMap<String, SecretString>) -> Value {
    let mut config = public.clone();
    for (pointer, secret) in secrets {
        if let Some(slot) = config.pointer_mut(pointer) {
            *slot = Value::String(secret.expose_secret().to_owned());
        }
    }
    config
}

/// The config for an answer: it hides every value at a secret's place, also one stored before its schema called
/// it a secret. A secret that is not set stays `null`.
pub fn shown(public: &Value, pointers: &[String]) -> Value {
    let mut answer = public.clone();
    for pointer in pointers {
        if let Some(slot) = answer.pointer_mut(pointer).filter(|slot| !slot.is_null()) {
            *slot = Value::String(PLACEHOLDER.to_owned());
        }
    }
    answer
}

/// The places where a client sent the placeholder back.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Placeholders {
    /// The stored secret was put back.
    pub kept: Vec<String>,
    /// No secret is stored. Refuse these, or the placeholder itself would become the secret.
    pub unknown: Vec<String>,
}

/// Puts the stored secrets where a client sent the placeholder back.
///
/// In an array the place is an index: a client that removes an element has to send the later secrets in full.
pub fn restore_placeholders(
    submitted: &mut Value,
    pointers: &[String],
    previous: &BTreeMap<String, SecretString>,
) -> Placeholders {
    let mut found = Placeholders::default();
    for pointer in pointers {
        let Some(slot) =
            submitted.pointer_mut(pointer).filter(|slot| slot.as_str() == Some(PLACEHOLDER))
        else {
            continue;
        };
        match previous.get(pointer) {
            Some(secret) => {
                *slot = Value::String(secret.expose_secret().to_owned());
                found.kept.push(pointer.clone());
            }
            None => found.unknown.push(pointer.clone()),
        }
    }
    found
}

/// The pointers at which a secret is set to something other than a string. Such a config is refused ("a secret
/// must be a string").
pub fn not_strings(config: &Value, pointers: &[String]) -> Vec<String> {
    let wrong = |pointer: &&String| {
        config.pointer(pointer).is_some_and(|value| !value.is_null() && !value.is_string())
    };
    pointers.iter().filter(wrong).cloned().collect()
}

/// Overwrites the strings of a config that contained secrets, before its memory is reused.
pub fn wipe(config: &mut Value) {
    match config {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pointers(list: &[&str]) -> Vec<String> {
        list.iter().map(|pointer| (*pointer).to_owned()).collect()
    }

    #[test]
    fn secrets_leave_handles_behind() {
        let config =
            json!({"api_key": "hunter2", "a/b": {"~": ["x", "y"]}, "url": "https://example.com"});
        let split = split(&config, &pointers(&["/api_key", "/a~1b/~0/1", "/absent"]));
        let expected = json!({
            "api_key": {"$secret": "/api_key"},
            "a/b": {"~": ["x", {"$secret": "/a~1b/~0/1"}]},
            "url": "https://example.com",
        });
        assert_eq!(split.public, expected);
        let held: Vec<_> = split
            .secrets
            .iter()
            .map(|(at, secret)| (at.as_str(), secret.expose_secret()))
            .collect();
        assert_eq!(held, [("/api_key", "hunter2"), ("/a~1b/~0/1", "y")]);
    }

    #[test]
    fn a_look_alike_of_a_handle_is_left_alone() {
        let config = json!({"note": {"$secret": "/api_key"}, "api_key": "hunter2"});
        let at = pointers(&["/api_key"]);
        let split = split(&config, &at);
        assert_eq!(split.public["note"], json!({"$secret": "/api_key"}));
        assert_eq!(
            shown(&split.public, &at),
            json!({"note": {"$secret": "/api_key"}, "api_key": PLACEHOLDER})
        );
        assert_eq!(join(&split.public, &split.secrets), config);
    }

    #[test]
    fn what_is_shown_hides_old_plain_values_and_keeps_null() {
        let at = pointers(&["/old", "/unset", "/absent"]);
        assert_eq!(
            shown(&json!({"old": "plain", "unset": null}), &at),
            json!({"old": PLACEHOLDER, "unset": null})
        );
    }

    #[test]
    fn a_placeholder_keeps_what_is_stored_and_is_never_stored_itself() {
        let at = pointers(&["/kept", "/changed", "/new"]);
        let stored = split(&json!({"kept": "old", "changed": "old"}), &at).secrets;
        let mut submitted =
            json!({"kept": PLACEHOLDER, "changed": "new", "new": PLACEHOLDER, "note": PLACEHOLDER});
        let found = restore_placeholders(&mut submitted, &at, &stored);
        assert_eq!((found.kept, found.unknown), (pointers(&["/kept"]), pointers(&["/new"])));
        assert_eq!(
            submitted,
            json!({"kept": "old", "changed": "new", "new": PLACEHOLDER, "note": PLACEHOLDER})
        );
    }

    #[test]
    fn only_strings_can_be_secrets() {
        let config =
            json!({"pin": 1234, "handle": {"$secret": "/handle"}, "unset": null, "key": "hunter2"});
        let at = pointers(&["/pin", "/handle", "/unset", "/key", "/absent"]);
        assert_eq!(not_strings(&config, &at), ["/pin", "/handle"]);
    }

    #[test]
    fn a_split_config_prints_no_secret() {
        let split = split(&json!({"api_key": "hunter2"}), &pointers(&["/api_key"]));
        assert!(!format!("{split:?}").contains("hunter2"));
    }

    #[test]
    fn a_wiped_config_holds_no_text() {
        let mut config = json!({"a": ["x", {"b": "y"}], "c": 1});
        wipe(&mut config);
        assert_eq!(config, json!({"a": ["", {"b": ""}], "c": 1}));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            let fields = prop::collection::btree_map("[a/~0-9]{0,3}", inner.clone(), 0..5);
            prop_oneof![
                prop::collection::vec(inner, 0..5).prop_map(Value::from),
                fields.prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn strings(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::String(_) => found.push(at.to_owned()),
            Value::Array(items) => {
                items
                    .iter()
                    .enumerate()
                    .for_each(|(index, item)| strings(item, &format!("{at}/{index}"), found));
            }
            Value::Object(fields) => fields.iter().for_each(|(name, field)| {
                strings(
                    field,
                    &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")),
                    found,
                );
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    proptest! {
        #[test]
        fn split_and_joined_is_the_same(config in any_value(), every in 1..3usize) {
            let mut at = Vec::new();
            strings(&config, "", &mut at);
            let at: Vec<String> = at.into_iter().step_by(every).collect();
            let split = split(&config, &at);
            prop_assert_eq!(split.secrets.len(), at.len());
            prop_assert_eq!(join(&split.public, &split.secrets), config);
        }
    }
}
