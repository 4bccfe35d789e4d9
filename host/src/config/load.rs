//! Reads the configuration: defaults, `moothall.toml`, `MOOTHALL_…` variables, command line.
//!
//! Later sources win. `.env` in the working directory counts as variables that are not set.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::error::Kind;
use figment::providers::{Format, Toml};
use figment::value::{Dict, Value};
use figment::{Figment, Profile};

use super::Config;
use crate::machine::Machine;

/// Prefix of the variables; `__` stands between a section and its key
/// (`MOOTHALL_LIMITS__CPU_MS=500`).
const PREFIX: &str = "MOOTHALL_";
/// The sealing key, which is no setting and is shown nowhere.
const SECRET_KEY: &str = "MOOTHALL_SECRET_KEY";
/// For tests: a file that says how far the clock is ahead. No setting, so that no operator finds it.
const CLOCK_FILE: &str = "MOOTHALL_TEST_CLOCK";
/// Where the driver listens, as it is called everywhere.
const RECEIVER_URL: &str = "DRIVER_EVENT_RECEIVER_URL";
/// The file that is read when none is named.
const DEFAULT_FILE: &str = "moothall.toml";

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("configuration file {0} does not exist; create it or leave out --config")]
    Missing(PathBuf),
    #[error("{0}")]
    Bad(String),
}

/// Where settings come from, beside the environment.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config`; absent: `moothall.toml` in the working directory, if it is there.
    pub file: Option<PathBuf>,
    pub arguments: Vec<Argument>,
}

/// A setting given on the command line.
#[derive(Clone, Debug)]
pub struct Argument {
    /// `--listen`
    pub option: &'static str,
    /// `listen`
    pub setting: &'static str,
    pub value: Value,
}

pub fn load(sources: &Sources) -> Result<Config, ConfigError> {
    let file = match &sources.file {
        Some(file) if !file.is_file() => return Err(ConfigError::Missing(file.clone())),
        Some(file) => file.clone(),
        None => DEFAULT_FILE.into(),
    };
    let mut figment = Figment::new();
    if file.is_file() {
        figment = figment.merge(Toml::file_exact(&file));
    }
    let variables = variables();
    if let Some(url) = variables.get(RECEIVER_URL).filter(|url| !url.is_empty()) {
        let path = ["driver".to_owned(), "event_receiver_url".to_owned()];
        figment = figment.merge(Given::variable(RECEIVER_URL, &path, url.as_str().into()));
    }
    for (key, value) in variables {
        if let Some(path) = setting_of(&key) {
            figment = figment.merge(Given::variable(&key, &path, parsed(&value)));
        }
    }
    for Argument { option, setting, value } in &sources.arguments {
        let place = format!("the option {option}");
        let value = nested(&[(*setting).to_owned()], value.clone());
        figment = figment.merge(Given { place, value });
    }
    let extracted = figment.extract();
    let mut config: Config =
        extracted.map_err(|error| ConfigError::Bad(sentence(&error, &file)))?;
    config.fit(&Machine::here(), |key| figment.find_value(key).is_ok());
    Ok(config)
}

/// `MOOTHALL_SECRET_KEY`, if it is set.
pub fn secret_key_variable() -> Option<String> {
    variables().remove(SECRET_KEY)
}

/// `MOOTHALL_TEST_CLOCK`, if it is set.
pub fn clock_file() -> Option<PathBuf> {
    variables().remove(CLOCK_FILE).map(PathBuf::from)
}

/// `RUST_LOG`, if it is set.
pub fn log_filter() -> Option<String> {
    variables().remove("RUST_LOG")
}

/// The environment over `.env`. A `.env` that cannot be read counts as none, as dotenv has it.
#[expect(clippy::disallowed_methods, reason = "this is the home of the environment")]
fn variables() -> BTreeMap<String, String> {
    let file = dotenvy::from_path_iter(Path::new(".env")).into_iter().flatten().flatten();
    let environment = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
    file.chain(environment).collect()
}

fn setting_of(variable: &str) -> Option<Vec<String>> {
    if [SECRET_KEY, CLOCK_FILE].contains(&variable) {
        return None;
    }
    let path = variable.strip_prefix(PREFIX)?;
    Some(path.split("__").map(str::to_ascii_lowercase).collect())
}

/// A variable's text as TOML would have it (`500`, `true`, `["a"]`), else as a string.
fn parsed(text: &str) -> Value {
    text.parse().unwrap_or_else(|never: std::convert::Infallible| match never {})
}

fn nested(path: &[String], value: Value) -> Value {
    path.iter().rev().fold(value, |inner, key| Value::from(Dict::from([(key.clone(), inner)])))
}

/// A figment provider of one setting from elsewhere than the file, which says where from in errors.
struct Given {
    place: String,
    value: Value,
}

impl Given {
    fn variable(name: &str, path: &[String], value: Value) -> Self {
        Self { place: format!("the variable {name}"), value: nested(path, value) }
    }
}

impl figment::Provider for Given {
    fn metadata(&self) -> figment::Metadata {
        figment::Metadata::named(self.place.clone())
    }

    fn data(&self) -> Result<figment::value::Map<Profile, Dict>, figment::Error> {
        let dict = self.value.clone().into_dict().unwrap_or_default();
        Ok(Profile::Default.collect(dict))
    }
}

/// Every mistake on a line of its own: where, what, and for an unknown key the nearest known one.
fn sentence(error: &figment::Error, file: &Path) -> String {
    error.clone().into_iter().map(|error| one_sentence(&error, file)).collect::<Vec<_>>().join("\n")
}

fn one_sentence(error: &figment::Error, file: &Path) -> String {
    let place = match &error.metadata {
        // The file has a source of its own.
        Some(metadata) if metadata.source.is_none() => metadata.name.to_string(),
        _ => file.display().to_string(),
    };
    let path = error.path.join(".");
    match &error.kind {
        Kind::UnknownField(key, known) => {
            let key = if path.ends_with(key.as_str()) { path } else { dotted(&path, key) };
            format!("{place}: unknown setting `{key}`{}", nearest(&key, known))
        }
        kind if path.is_empty() => format!("{place}: {kind}"),
        kind => format!("{place}: setting `{path}`: {kind}"),
    }
}

fn dotted(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// `; did you mean …?`, if anything is known.
pub fn nearest(key: &str, known: &[&str]) -> String {
    let last = key.rsplit('.').next().unwrap_or(key);
    known
        .iter()
        .max_by(|a, b| strsim::jaro_winkler(a, last).total_cmp(&strsim::jaro_winkler(b, last)))
        .map(|nearest| format!("; did you mean `{nearest}`?"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str) -> Result<Config, String> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("moothall.toml");
        std::fs::write(&file, text).unwrap();
        load(&Sources { file: Some(file), arguments: Vec::new() }).map_err(|e| e.to_string())
    }

    #[test]
    fn an_unknown_key_names_the_nearest_known_one() {
        let error = load_text("[limits]\ncpu_sm = 5\n").unwrap_err();
        assert!(
            error.contains("unknown setting `limits.cpu_sm`; did you mean `cpu_ms`?"),
            "{error}"
        );
    }

    #[test]
    fn a_wrong_type_names_the_setting() {
        let error = load_text("[limits]\ncpu_ms = \"soon\"\n").unwrap_err();
        assert!(error.contains("setting `limits.cpu_ms`"), "{error}");
    }

    #[test]
    fn a_plugin_has_settings_grants_and_limits() {
        let config = load_text(
            "[plugins.slack]\nsettings = { region = \"eu\" }\ngrants = { reveal = [\"/token\"] }\nlimits = { cpu_ms = 2000 }\n",
        )
        .unwrap();
        let slack = config.plugin("slack");
        assert_eq!(slack.grants.reveal, ["/token"]);
        assert_eq!(config.limits.with(&slack.limits).cpu_ms, 2000);
    }

    /// `limits.cpu_ms = 1000` in the table of bounds is the name and the default of a setting.
    #[test]
    fn the_table_of_bounds_names_settings_with_their_defaults() {
        let table = include_str!("../../docs/bounds.md");
        let spans = table.split('`').skip(1).step_by(2);
        let pairs = spans.filter_map(|span| span.split_once(" = "));
        let settings: Vec<_> = pairs.filter(|(setting, _)| setting.contains('.')).collect();
        assert!(settings.len() > 30, "{settings:?}");
        let defaults = format!("{:?}", load_text("").unwrap());
        for (setting, default) in settings {
            let (section, key) = setting.split_once('.').expect("a section and a key");
            let said = load_text(&format!("[{section}]\n{key} = {default}\n"));
            let said = said.unwrap_or_else(|error| panic!("`{setting} = {default}`: {error}"));
            assert_eq!(format!("{said:?}"), defaults, "`{setting} = {default}` is not the default");
        }
    }

    #[test]
    fn what_is_set_is_not_derived_from_the_machine() {
        let config = load_text("[limits]\nguest_memory_bytes = 12345678\ncalls = 7\n").unwrap();
        let limits = config.limits;
        assert_eq!((limits.guest_memory_bytes, limits.calls), (12_345_678, 7));
        assert_eq!((limits.resident_memory_bytes, limits.calls_per_plugin), (6_172_839, 3));
    }

    #[test]
    fn the_command_line_wins_and_is_named() {
        let given = |text: &str| {
            let argument = Argument { option: "--listen", setting: "listen", value: text.into() };
            load(&Sources { file: None, arguments: vec![argument] })
        };
        assert_eq!(given("localhost:0").unwrap().listen.to_string(), "localhost:0");
        let error = given("nowhere").unwrap_err().to_string();
        assert!(error.starts_with("the option --listen: ") && !error.contains(".toml"), "{error}");
    }
}
