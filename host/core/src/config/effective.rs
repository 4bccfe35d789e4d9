//! Every setting as it is in effect, and where it comes from: what `moothall config` prints.

use std::collections::HashMap;

use figment::Figment;
use figment::Source;

use super::Config;
use super::load::{ConfigError, Sources, loaded};
use super::setting_type::SettingType;

/// A setting as it is in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// `limits.cpu_ms`
    pub setting: String,
    /// As `moothall.toml` has it; empty: not set. Texts among a plugin's settings are masked.
    pub value: String,
    pub from: SettingFrom,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingFrom {
    Default,
    /// Calculated from the memory, the descriptors or the cores.
    Machine,
    /// The file, variable or option.
    Given(String),
}

impl SettingFrom {
    pub fn words(&self) -> &str {
        match self {
            Self::Default => "default",
            Self::Machine => "this machine",
            Self::Given(place) => place,
        }
    }
}

/// All settings, in the order of the reference.
pub fn effective(sources: &Sources) -> Result<Vec<Effective>, ConfigError> {
    let (config, figment) = loaded(sources)?;
    let defaults: HashMap<String, String> = each(&Config::default()).into_iter().collect();
    let shown = |(setting, value): (String, String)| {
        let from = match given(&figment, &setting) {
            Some(place) => SettingFrom::Given(place),
            // A plugin's own settings have no default: their section is only there if it is given.
            None if defaults.get(&setting).is_none_or(|default| *default == value) => {
                SettingFrom::Default
            }
            None => SettingFrom::Machine,
        };
        Effective { setting, value, from }
    };
    Ok(each(&config).into_iter().map(shown).collect())
}

fn each(config: &Config) -> Vec<(String, String)> {
    let mut all = Vec::new();
    config.each("", &mut all);
    all
}

/// Who gives it, if anybody does.
fn given(figment: &Figment, setting: &str) -> Option<String> {
    let metadata = figment.find_metadata(setting)?;
    Some(match &metadata.source {
        Some(Source::File(file)) => file.display().to_string(),
        _ => metadata.name.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::load::Argument;
    use super::*;

    fn of(text: &str, arguments: Vec<Argument>) -> Vec<Effective> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("moothall.toml");
        std::fs::write(&file, text).unwrap();
        let mut all = effective(&Sources { file: Some(file), arguments }).unwrap();
        for one in &mut all {
            if let SettingFrom::Given(place) = &mut one.from
                && place.ends_with("moothall.toml")
            {
                "the file".clone_into(place);
            }
        }
        all
    }

    fn find(all: &[Effective], setting: &str) -> (String, String) {
        let found = all.iter().find(|one| one.setting == setting);
        found.map(|one| (one.value.clone(), one.from.words().to_owned())).expect(setting)
    }

    fn pair(value: &str, from: &str) -> (String, String) {
        (value.to_owned(), from.to_owned())
    }

    #[test]
    fn each_setting_says_where_it_comes_from() {
        let listen =
            Argument { option: "--listen", setting: "listen", value: "localhost:0".into() };
        let text = "[limits]\ncpu_ms = 7\nguest_memory_bytes = 12345678\n";
        let all = of(text, vec![listen]);
        assert_eq!(find(&all, "limits.cpu_ms"), pair("7", "the file"));
        assert_eq!(find(&all, "listen"), pair("\"localhost:0\"", "the option --listen"));
        assert_eq!(find(&all, "store.batch_writes"), pair("512", "default"));
        assert_eq!(find(&all, "limits.resident_memory_bytes"), pair("6172839", "this machine"));
        assert_eq!(find(&all, "plugin_directory"), pair("", "default"));
    }

    #[test]
    fn no_text_of_a_plugins_settings_is_shown() {
        let text = "[plugins.slack]\nsettings = { token = \"xoxb-1\", port = 5, deep = { key = \"k\" } }\n\
                    grants = { http = [\"slack.com\"] }\n";
        let all = of(text, Vec::new());
        let token = find(&all, "plugins.slack.settings.token");
        assert_eq!(token, pair("\"********\"", "the file"));
        assert_eq!(find(&all, "plugins.slack.settings.port").0, "5");
        assert_eq!(find(&all, "plugins.slack.settings.deep").0, "{\"key\":\"********\"}");
        assert!(find(&all, "plugins.slack.grants.http").0.contains("slack.com"));
        assert_eq!(find(&all, "plugins.slack.grants.tcp").1, "default");
    }
}
