//! Variables of the environment and of `.env`: which of them are settings, and how their text is read.

use std::collections::BTreeMap;
use std::path::Path;

use figment::value::{Dict, Value};
use figment::{Metadata, Profile};

/// Prefix of the variables; `__` stands between a section and its key
/// (`MOOTHALL_LIMITS__CPU_MS=500`).
const PREFIX: &str = "MOOTHALL_";
/// The sealing key. It is no setting and is never shown.
pub const SECRET_KEY: &str = "MOOTHALL_SECRET_KEY";
/// For tests: a file that moves the clock. It is no setting, so that no operator finds it.
pub const CLOCK_FILE: &str = "MOOTHALL_TEST_CLOCK";
/// The driver's URL, under the name that drivers know.
const RECEIVER_URL: &str = "DRIVER_EVENT_RECEIVER_URL";

/// A variable that is a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    pub text: String,
}

/// All variables, by their setting.
#[derive(Debug, Default)]
pub struct Variables {
    pub settings: Vec<(Vec<String>, Variable)>,
    /// Variables that Kubernetes made for a service with the host's name.
    pub service_links: Vec<String>,
}

impl Variables {
    pub fn read() -> Self {
        Self::of(all())
    }

    fn of(all: BTreeMap<String, String>) -> Self {
        let mut variables = Self::default();
        if let Some(text) = all.get(RECEIVER_URL).filter(|url| !url.is_empty()) {
            let path = vec!["driver".to_owned(), "event_receiver_url".to_owned()];
            let variable = Variable { name: RECEIVER_URL.to_owned(), text: text.clone() };
            variables.settings.push((path, variable));
        }
        for (name, text) in all {
            let Some(setting) = name.strip_prefix(PREFIX) else { continue };
            if [SECRET_KEY, CLOCK_FILE].contains(&name.as_str()) {
                continue;
            }
            if is_of_service_link(setting, &text) {
                variables.service_links.push(name);
                continue;
            }
            let path = setting.split("__").map(str::to_ascii_lowercase).collect();
            variables.settings.push((path, Variable { name, text }));
        }
        variables
    }

    /// The variable that sets this setting, or a part of it.
    pub fn of_setting(&self, path: &[String]) -> Option<&Variable> {
        let mut found = self.settings.iter().filter(|(own, _)| own.starts_with(path));
        found.next().map(|(_, variable)| variable)
    }
}

impl Variable {
    /// Reads the text as TOML (`500`, `true`, `["a"]`), otherwise as a text.
    pub fn parsed(&self) -> Value {
        self.text.parse().unwrap_or_else(|never: std::convert::Infallible| match never {})
    }
}

/// The environment, over the variables of `.env`. A `.env` that cannot be read counts as none.
#[expect(clippy::disallowed_methods, reason = "this is the home of the environment")]
pub fn all() -> BTreeMap<String, String> {
    let file = dotenvy::from_path_iter(Path::new(".env")).into_iter().flatten().flatten();
    let environment = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
    file.chain(environment).collect()
}

/// The variables of the environment that would be settings of a host.
pub fn settings_in_environment() -> Vec<String> {
    let is_setting = |name: &String| name.starts_with(PREFIX) || name == RECEIVER_URL;
    all().into_keys().filter(is_setting).collect()
}

/// Whether Kubernetes makes such a variable in every pod, for a service whose name begins like ours:
/// `…SERVICE_HOST`, `…SERVICE_PORT[_NAME]`, `…PORT=tcp://…`, `…PORT_8000_TCP[_ADDR|_PORT|_PROTO]`.
fn is_of_service_link(setting: &str, text: &str) -> bool {
    // A variable for a key inside a section was written by a person.
    if setting.contains("__") {
        return false;
    }
    let words: Vec<&str> = setting.split('_').collect();
    let protocol = |word: &&str| ["TCP", "UDP", "SCTP"].contains(word);
    let has_scheme =
        || ["tcp://", "udp://", "sctp://"].iter().any(|scheme| text.starts_with(scheme));
    let number = |word: &str| word.parse::<u16>().is_ok();
    match words.as_slice() {
        [.., "SERVICE", "HOST"] => true,
        [.., "PORT"] if has_scheme() => true,
        [.., "PORT", port, kind] | [.., "PORT", port, kind, "ADDR" | "PORT" | "PROTO"]
            if number(port) && protocol(kind) =>
        {
            true
        }
        words => words.windows(2).any(|two| two == ["SERVICE", "PORT"]),
    }
}

/// A figment provider of one setting that is not in the file. Errors name its source.
pub struct Given {
    place: String,
    value: Value,
}

impl Given {
    pub fn new(place: String, path: &[String], value: Value) -> Self {
        let nested = |inner, key: &String| Value::from(Dict::from([(key.clone(), inner)]));
        Self { place, value: path.iter().rev().fold(value, nested) }
    }
}

impl figment::Provider for Given {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.place.clone())
    }

    fn data(&self) -> Result<figment::value::Map<Profile, Dict>, figment::Error> {
        let dict = self.value.clone().into_dict().unwrap_or_default();
        Ok(Profile::Default.collect(dict))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_link_makes_is_no_setting() {
        for (setting, text) in [
            ("PORT", "tcp://10.0.0.1:8000"),
            ("PORT", "udp://10.0.0.1:8000"),
            ("SERVICE_HOST", "10.0.0.1"),
            ("SERVICE_PORT", "8000"),
            ("SERVICE_PORT_HTTP", "8000"),
            ("PORT_8000_TCP", "tcp://10.0.0.1:8000"),
            ("PORT_8000_TCP_ADDR", "10.0.0.1"),
            ("PORT_8000_TCP_PORT", "8000"),
            ("PORT_8000_UDP_PROTO", "udp"),
            ("API_SERVICE_HOST", "10.0.0.1"),
            ("API_PORT_9_SCTP_PROTO", "sctp"),
        ] {
            assert!(is_of_service_link(setting, text), "{setting}");
        }
        for (setting, text) in [
            ("PORT", "9000"),
            ("LISTEN", "127.0.0.1:8000"),
            ("LIMITS__CALLS", "5"),
            ("PLUGINS__MAIL__SETTINGS__SERVICE_HOST", "mail.example"),
            ("PORT_EIGHT_TCP", "x"),
        ] {
            assert!(!is_of_service_link(setting, text), "{setting}");
        }
    }
}
