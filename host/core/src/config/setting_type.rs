//! How the types of settings are written in `moothall.toml`, for the reference of settings.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;

use serde_json::{Map, Value};
use url::Url;

use super::calls::Record;
use super::listen::Listen;
use super::section::Setting;
use moothall_values::manifest::Scope;

/// In place of a text that may be a secret.
const MASK: &str = "********";

/// A type that a setting may have.
pub trait SettingType {
    /// What it is, for the reader of the reference.
    const KIND: &'static str;

    fn written(&self) -> String;

    /// Adds each setting in it with its value, under `path`; itself, if it is no section.
    fn each(&self, path: &str, found: &mut Vec<(String, String)>) {
        found.push((path.to_owned(), self.written()));
    }

    /// The settings in it, if it is a section, or a table of sections.
    fn within() -> Vec<Setting> {
        Vec::new()
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl SettingType for $number {
            const KIND: &'static str = "a whole number";

            fn written(&self) -> String {
                self.to_string()
            }
        })*
    };
}
numbers!(u32, u64, usize);

impl SettingType for bool {
    const KIND: &'static str = "`true` or `false`";

    fn written(&self) -> String {
        self.to_string()
    }
}

impl SettingType for String {
    const KIND: &'static str = "a text";

    fn written(&self) -> String {
        format!("{self:?}")
    }
}

impl SettingType for PathBuf {
    const KIND: &'static str = "a path";

    fn written(&self) -> String {
        format!("{self:?}")
    }
}

impl SettingType for Url {
    const KIND: &'static str = "a URL";

    fn written(&self) -> String {
        format!("\"{self}\"")
    }
}

impl SettingType for Listen {
    const KIND: &'static str = "an address";

    fn written(&self) -> String {
        format!("\"{self}\"")
    }
}

impl SettingType for Scope {
    const KIND: &'static str = "`community` or `host`";

    fn written(&self) -> String {
        match self {
            Self::Community => "\"community\"".to_owned(),
            Self::Host => "\"host\"".to_owned(),
        }
    }
}

impl SettingType for Record {
    const KIND: &'static str = "`failures`, `all` or `off`";

    fn written(&self) -> String {
        match self {
            Self::Failures => "\"failures\"".to_owned(),
            Self::All => "\"all\"".to_owned(),
            Self::Off => "\"off\"".to_owned(),
        }
    }
}

impl<T: SettingType> SettingType for Option<T> {
    const KIND: &'static str = T::KIND;

    fn written(&self) -> String {
        self.as_ref().map(T::written).unwrap_or_default()
    }
}

impl<T: Debug> SettingType for Vec<T> {
    const KIND: &'static str = "a list";

    fn written(&self) -> String {
        format!("{self:?}")
    }
}

impl<T: SettingType + Debug> SettingType for BTreeMap<String, T> {
    const KIND: &'static str = "a table";

    fn written(&self) -> String {
        format!("{self:?}")
    }

    fn each(&self, path: &str, found: &mut Vec<(String, String)>) {
        self.iter().for_each(|(name, value)| value.each(&below(path, name), found));
    }

    fn within() -> Vec<Setting> {
        T::within()
    }
}

impl SettingType for Map<String, Value> {
    const KIND: &'static str = "a table";

    fn written(&self) -> String {
        Value::Object(self.clone()).to_string()
    }

    /// A plugin's settings. Which of them are secrets is in its manifest, which is not at hand here, so that no text is shown.
    fn each(&self, path: &str, found: &mut Vec<(String, String)>) {
        let masked =
            self.iter().map(|(name, value)| (below(path, name), masked(value).to_string()));
        found.extend(masked);
    }
}

/// The name of a setting in a section.
pub fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn masked(value: &Value) -> Value {
    match value {
        Value::String(_) => MASK.into(),
        Value::Array(values) => values.iter().map(masked).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), masked(value))).collect()
        }
        other => other.clone(),
    }
}
