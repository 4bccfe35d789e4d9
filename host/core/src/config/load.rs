//! Reads the configuration: defaults, `moothall.toml`, `MOOTHALL_…` variables, command line.
//!
//! Later sources take precedence. A `.env` in the working directory sets variables that the environment does
//! not set.

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::error::Kind;
use figment::providers::{Format, Toml};
use figment::value::Value;

use super::Config;
use super::variables::{self, CLOCK_FILE, Given, SECRET_KEY, Variables};
use super::wrong::{OPTION, VARIABLE, mistakes};
use crate::machine::Machine;

/// The file that is read when none is named.
const DEFAULT_FILE: &str = "moothall.toml";

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("configuration file {0} does not exist; create it or leave out --config")]
    Missing(PathBuf),
    #[error("{0}")]
    Bad(String),
}

/// The sources of settings besides the environment.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config`; absent: `moothall.toml` in the working directory, if it exists.
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
    Ok(loaded(sources)?.0)
}

/// The configuration, and what its sources said.
pub(super) fn loaded(sources: &Sources) -> Result<(Config, Figment), ConfigError> {
    let file = match &sources.file {
        Some(file) if !file.is_file() => return Err(ConfigError::Missing(file.clone())),
        Some(file) => file.clone(),
        None => DEFAULT_FILE.into(),
    };
    let variables = Variables::read();
    let (figment, extracted) = extracted(&file, &variables, &sources.arguments);
    let wrong = mistakes(&figment, extracted.as_ref().err(), &file, &variables);
    let mut config = match extracted {
        Ok(config) if wrong.is_empty() => config,
        _ => return Err(ConfigError::Bad(wrong.join("\n"))),
    };
    config.fit(&Machine::here(), |key| figment.find_value(key).is_ok());
    for (path, variable) in &variables.settings {
        if let [plugins, plugin, settings, below @ ..] = path.as_slice()
            && (plugins.as_str(), settings.as_str()) == ("plugins", "settings")
            && let Some(plugin) = config.plugins.get_mut(plugin)
        {
            let pointer = below.iter().map(|step| format!("/{step}")).collect();
            plugin.setting_variables.insert(pointer, variable.clone());
        }
    }
    config.service_links = variables.service_links;
    Ok((config, figment))
}

/// Merges all sources. The text of a variable is read as TOML, or stays a text where the setting is one:
/// `123.4567890` may be a name.
fn extracted(
    file: &Path,
    variables: &Variables,
    arguments: &[Argument],
) -> (Figment, Result<Config, figment::Error>) {
    let mut texts: Vec<&[String]> = Vec::new();
    loop {
        let mut figment = Figment::new();
        if file.is_file() {
            figment = figment.merge(Toml::file_exact(file));
        }
        for (path, variable) in &variables.settings {
            let value = match texts.contains(&path.as_slice()) {
                true => variable.text.as_str().into(),
                false => variable.parsed(),
            };
            let place = format!("{VARIABLE}{}", variable.name);
            figment = figment.merge(Given::new(place, path, value));
        }
        for Argument { option, setting, value } in arguments {
            let place = format!("{OPTION}{option}");
            figment = figment.merge(Given::new(place, &[(*setting).to_owned()], value.clone()));
        }
        let extracted = figment.extract::<Config>();
        let wrong = extracted.as_ref().err().and_then(|error| {
            let of_type = |error: &figment::Error| matches!(error.kind, Kind::InvalidType(..));
            let wrong = error.clone().into_iter().filter(of_type).map(|error| error.path);
            let wrong: Vec<_> = wrong.collect();
            let paths = variables.settings.iter().map(|(path, _)| path.as_slice());
            let mut untried = paths.filter(|path| !texts.contains(path));
            untried.find(|path| wrong.iter().any(|one| one.as_slice() == *path))
        });
        match wrong {
            Some(path) => texts.push(path),
            None => return (figment, extracted),
        }
    }
}

/// `MOOTHALL_SECRET_KEY`, if it is set.
pub fn secret_key_variable() -> Option<String> {
    variables::all().remove(SECRET_KEY)
}

/// `MOOTHALL_TEST_CLOCK`, if it is set.
pub fn clock_file() -> Option<PathBuf> {
    variables::all().remove(CLOCK_FILE).map(PathBuf::from)
}

/// `RUST_LOG`, if it is set.
pub fn log_filter() -> Option<String> {
    variables::all().remove("RUST_LOG")
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
        let table = include_str!("../../../docs/bounds.md");
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

    /// Every `toml` in the book that is no crate's manifest.
    #[test]
    fn what_the_book_shows_is_a_configuration() {
        let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        let mut shown = 0;
        for folder in ["", "authors", "drivers", "operators"] {
            for entry in std::fs::read_dir(book.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_none_or(|end| end != "md") {
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                let blocks = text.split("```toml\n").skip(1);
                let blocks = blocks.filter_map(|rest| rest.split("```").next());
                for block in blocks.filter(|block| !block.contains("[package]")) {
                    load_text(block).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                    shown += 1;
                }
            }
        }
        assert!(shown >= 5, "{shown}");
    }

    #[test]
    fn the_table_of_bounds_has_one_row_for_each_thing() {
        let table = include_str!("../../../docs/bounds.md");
        let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
        let mut seen = std::collections::BTreeSet::from(["---"]);
        for row in rows.filter(|row| !["what", "---", "setting"].contains(row)) {
            assert!(seen.insert(row), "`{row}` stands twice");
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
