//! Checks the numbers among the settings: each has to be within its range.

use figment::error::{Actual, Kind};
use figment::value::{Dict, Value};
use figment::{Error, Figment};

use super::section::{Range, Setting};
use super::setting_type::SettingType;
use super::{Config, Limits};

type Ranges = Vec<(&'static str, Range)>;

/// The numbers of each section.
fn sections() -> Vec<(&'static str, Ranges)> {
    let sections = Config::within().into_iter();
    sections.map(|section| (section.name, ranges(section.within))).collect()
}

fn ranges(settings: Vec<Setting>) -> Ranges {
    settings.into_iter().filter_map(|setting| Some((setting.name, setting.range?))).collect()
}

/// The range of the number at this place; none if there is no number. The limits of a plugin's calls have the
/// same ranges as `[limits]`.
pub fn range_of(path: &[String]) -> Option<Range> {
    let (section, key) = match path {
        [section, key] => (section.as_str(), key),
        [plugins, _, limits, key] if plugins == "plugins" && limits == "limits" => ("limits", key),
        _ => return None,
    };
    let (_, ranges) = sections().into_iter().find(|(name, _)| *name == section)?;
    ranges.into_iter().find(|(name, _)| name == key).map(|(_, range)| range)
}

/// The range in words.
pub fn said(range: &Range) -> String {
    format!("a whole number from {} to {}", range.start(), range.end())
}

/// An error for each number outside of its range, with its source.
pub fn outside(figment: &Figment) -> Vec<Error> {
    let mut errors = Vec::new();
    for (section, ranges) in sections() {
        check(figment, &[section], &ranges, &mut errors);
    }
    let plugins = figment.find_value("plugins").ok().and_then(Value::into_dict);
    for plugin in plugins.unwrap_or_default().keys() {
        check(figment, &["plugins", plugin, "limits"], &ranges(Limits::within()), &mut errors);
    }
    errors
}

fn check(figment: &Figment, section: &[&str], ranges: &Ranges, errors: &mut Vec<Error>) {
    let Some(values) = dict(figment, section) else { return };
    for (key, range) in ranges {
        let Some(value) = values.get(*key) else { continue };
        let Some(given) = value.to_i128().or_else(|| i128::try_from(value.to_u128()?).ok()) else {
            continue;
        };
        if u64::try_from(given).is_ok_and(|given| range.contains(&given)) {
            continue;
        }
        let mut error = Error::from(Kind::InvalidValue(Actual::Signed(given), said(range)));
        error.path = section.iter().chain([key]).map(|step| (*step).to_owned()).collect();
        error.metadata = figment.get_metadata(value.tag()).cloned();
        errors.push(error);
    }
}

fn dict(figment: &Figment, path: &[&str]) -> Option<Dict> {
    let (first, rest) = path.split_first()?;
    let mut dict = figment.find_value(first).ok()?.into_dict()?;
    for step in rest {
        dict = dict.remove(*step)?.into_dict()?;
    }
    Some(dict)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use figment::providers::{Format, Toml};

    use super::*;
    use crate::config::variables::Variables;
    use crate::config::wrong::mistakes;

    fn extracted(text: &str) -> (Figment, Result<Config, Error>) {
        let figment = Figment::new().merge(Toml::string(text));
        let extracted = figment.extract();
        (figment, extracted)
    }

    fn refusals(text: &str) -> Vec<String> {
        let (figment, extracted) = extracted(text);
        let file = Path::new("moothall.toml");
        mistakes(&figment, extracted.err().as_ref(), file, &Variables::default())
    }

    /// The keys of a section, from the program.
    fn known(section: &str) -> &'static [&'static str] {
        let (_, extracted) = extracted(&format!("{section}\nno_such_setting = 1"));
        match extracted.expect_err("an unknown setting").kind {
            Kind::UnknownField(_, known) => known,
            _ => &[],
        }
    }

    /// Every setting: the head of its section, the section's name, and its own.
    fn settings() -> Vec<(String, String, &'static str)> {
        let sections = known("").iter().map(|name| (format!("[{name}]"), (*name).to_owned()));
        let plugin = ("[plugins.probe.limits]".to_owned(), "plugins.probe.limits".to_owned());
        let all = sections.chain([plugin]).flat_map(|(head, name)| {
            let keys = known(&head).iter();
            keys.map(move |key| (head.clone(), name.clone(), *key)).collect::<Vec<_>>()
        });
        all.collect()
    }

    #[test]
    fn a_zero_is_refused_with_the_range_or_the_table_of_bounds_says_what_it_means() {
        let table = include_str!("../../../docs/bounds.md");
        let mut numbers = 0;
        for (head, section, key) in settings() {
            let name = format!("{section}.{key}");
            match refusals(&format!("{head}\n{key} = 0")).as_slice() {
                [] => assert!(table.contains(&format!("\n| `{name}` | ")), "`{name} = 0` passes"),
                [one] => {
                    assert!(one.contains(&format!("`{name}`")) && one.contains("must be"), "{one}");
                    numbers += usize::from(one.contains("a whole number from"));
                }
                more => panic!("{name}: {more:?}"),
            }
        }
        assert!(numbers > 130, "{numbers}");
    }

    #[test]
    fn a_number_may_be_both_ends_of_its_range_and_nothing_beyond() {
        for (section, ranges) in sections() {
            for (key, range) in ranges {
                let of = |number: i128| refusals(&format!("[{section}]\n{key} = {number}"));
                let (least, most) = (i128::from(*range.start()), i128::from(*range.end()));
                assert_eq!((of(least), of(most)), (vec![], vec![]), "{section}.{key}");
                for beyond in [least - 1, most + 1] {
                    let said = of(beyond).join("\n");
                    let words = format!("must be {}, and is {beyond}", super::said(&range));
                    assert!(said.contains(&words), "{section}.{key}: {said}");
                }
            }
        }
    }

    #[test]
    fn every_default_is_within_its_range() {
        let defaults = format!("{:#?}", Config::default());
        let (mut section, mut compared) = (String::new(), 0);
        for line in defaults.lines() {
            let Some((key, value)) = line.trim().split_once(": ") else { continue };
            if value.ends_with('{') {
                section = key.to_owned();
            }
            let Ok(number) = value.trim_end_matches(',').parse::<u64>() else { continue };
            let Some(range) = range_of(&[section.clone(), key.to_owned()]) else {
                assert_eq!(key, "port", "a number without a range");
                continue;
            };
            assert!(range.contains(&number), "{section}.{key} = {number}, {range:?}");
            compared += 1;
        }
        assert!(compared > 100, "{compared}");
    }

    #[test]
    fn all_numbers_that_are_wrong_are_told_at_once() {
        let said =
            refusals("[http]\nconnections = 0\nhead_bytes = 1\n[plugins.a.limits]\ncpu_ms = 0");
        assert_eq!(said.len(), 3, "{said:?}");
        for words in ["`http.connections`", "from 8192 to", "`plugins.a.limits.cpu_ms`"] {
            assert!(said.iter().any(|one| one.contains(words)), "{words}: {said:?}");
        }
    }

    #[test]
    fn a_setting_of_another_type_is_refused_in_its_writers_words() {
        for (text, words) in [
            ("[limits]\ncpu_ms = \"soon\"", "from 1 to 86400000, and is \"soon\""),
            ("[limits]\ncpu_ms = 1.5", "a whole number from 1 to 86400000, and is 1.5"),
            ("[limits]\ncpu_ms = [1]", "and is a list"),
            ("[limits]\ncpu_ms = true", "and is `true`"),
            ("limits = 5", "a section of settings, such as `limits = { name = value }`, and is 5"),
            ("plugins = 5", "a section of settings"),
            ("active_plugins = \"a\"", "a list, such as `active_plugins = [\"a\", \"b\"]`"),
            ("[workers]\nenabled = 1", "`true` or `false`, and is 1"),
            ("data = 5", "a text in quotes, and is 5"),
            ("listen = 5", "a text in quotes, and is 5"),
            ("[plugins.a]\nscope = \"hosst\"", "must be `community` or `host`, and is `hosst`"),
            ("[plugins.a]\nscope = 5", "must be"),
            ("[calls]\nrecord = 5", "a text in quotes, and is 5"),
            ("[plugins.a]\nrecord = \"some\"", "must be `failures`, `all` or `off`, and is `some`"),
            ("[plugins.a]\nsettings = 5", "a section of settings"),
            ("[egress]\nresolve = { a = [\"nowhere\"] }", "invalid IP address"),
            ("[http]\npublic_url = \"x\"", "begin with `http://`"),
            ("[driver]\nevent_receiver_url = \"http://a:99999/\"", "its port is no number up to"),
            ("[oauth]\nredirects = [\"https://*.example/\"]", "list every URL"),
            ("[oauth]\nredirects = [\"https://a.example/*\"]", "list every URL"),
            ("[oauth]\nredirects = [\"https://a.example/?x=1\"]", "has a query"),
            ("[oauth]\nredirects = [\"/done\"]", "`/done`: it does not begin with `http://`"),
        ] {
            let said = refusals(text).join("\n");
            assert!(said.contains(words), "{text}: {said}");
            for rust in ["expected", "found", "invalid type", "u64", "usize", "struct", "sequence"]
            {
                assert!(!said.contains(rust), "{text}: {said}");
            }
        }
    }
}
