//! The reference of settings, in Markdown, made of their declarations: the chapter of the book, and what
//! `moothall reference settings` prints.

use super::Config;
use super::ranges::range_of;
use super::section::{Range, Setting};
use super::setting_type::SettingType;

/// What the page says before the settings.
const BEGIN: &str = "\
# Settings

Made from the program by `cargo xtask reference`; do not edit it. `moothall reference settings` prints the page of the
version that you have.

A setting stands in `moothall.toml`, `[http]` for example in front of all that begin with `http.`, or in the environment,
under the name given with it. There the text is read as TOML (`500`, `true`, `[\"a\", \"b\"]`); where the setting is a text, it
may be written without quotes. A variable takes precedence over the file, and the command line over both. `serve` also
reads a file `.env` in its working directory, which sets variables that the environment does not. At SIGHUP the host reads
everything again; `active_plugins` and `[plugins]` take effect then, all else at the next start. An unknown setting and a number
outside of its range are refused, with the nearest known name, or the range.

Three variables are no settings: `MOOTHALL_SECRET_KEY` is the sealing key in place of the file `secret.key`; `RUST_LOG` says what is
logged (`info`, `moothall=debug`); `SSL_CERT_FILE` names a file of root certificates in place of the operating system's.
";
/// The name in the place of a plugin's.
const PLUGIN: &str = "<name>";

pub fn reference() -> String {
    let mut page = BEGIN.to_owned();
    page.push_str("\n## Of the host\n");
    let (sections, alone): (Vec<_>, Vec<_>) =
        Config::within().into_iter().partition(|setting| !setting.within.is_empty());
    alone.iter().for_each(|setting| entry(&mut page, &[], setting));
    for section in &sections {
        let path: &[&str] = match section.kind {
            "a table" => &[section.name, PLUGIN],
            _ => &[section.name],
        };
        page.push_str(&format!("\n## `[{}]`\n\n{}\n", path.join("."), section.help.trim()));
        section.within.iter().for_each(|setting| entry(&mut page, path, setting));
    }
    page
}

/// A setting, or all of a section within a section.
fn entry(page: &mut String, section: &[&str], setting: &Setting) {
    let path = [section, &[setting.name]].concat();
    let help = setting.help.trim();
    page.push_str(&format!("\n### `{}`\n", path.join(".")));
    if !help.is_empty() {
        page.push_str(&format!("\n{help}\n"));
    }
    if !setting.within.is_empty() {
        return setting.within.iter().for_each(|inner| entry(page, &path, inner));
    }
    let owned: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
    let range = setting.range.clone().or_else(|| range_of(&owned));
    let kind = capital(&kind(setting, range.as_ref()));
    let variable = path.join("__").to_uppercase();
    let default = default(setting);
    page.push_str(&format!("\n{kind}. Default: {default}. Variable: `MOOTHALL_{variable}`.\n"));
}

/// What it is, with its unit and its range.
fn kind(setting: &Setting, range: Option<&Range>) -> String {
    let unit = unit(setting.name).map(|unit| format!(" of {unit}")).unwrap_or_default();
    match range {
        None => setting.kind.to_owned(),
        Some(range) => {
            format!("{}{unit}, {} to {}", setting.kind, range.start(), range.end())
        }
    }
}

/// The unit of a number, which its name says.
fn unit(name: &str) -> Option<&'static str> {
    let units = [("bytes", "bytes"), ("ms", "milliseconds"), ("days", "days"), ("kib", "KiB")];
    let known = |word: &str| units.iter().find(|(known, _)| *known == word).map(|(_, unit)| *unit);
    name.split('_').find_map(known)
}

/// The default, and the same in a larger unit where that is a round number.
fn default(setting: &Setting) -> String {
    if setting.default.is_empty() {
        return "not set".to_owned();
    }
    let larger = setting.default.parse().ok().zip(unit(setting.name)).and_then(larger);
    let larger = larger.map(|text| format!(" ({text})")).unwrap_or_default();
    format!("`{}`{larger}", setting.default)
}

fn larger((number, unit): (u64, &str)) -> Option<String> {
    let steps: &[(u64, &str)] = match unit {
        "bytes" => &[(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")],
        "KiB" => &[(1 << 10, "MiB")],
        "milliseconds" => &[(60_000, "min"), (1_000, "s")],
        _ => &[],
    };
    let fits = |step: &&(u64, &str)| number >= step.0 && number.is_multiple_of(step.0);
    steps.iter().find(fits).map(|(size, name)| format!("{} {name}", number / size))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chapter_is_what_the_settings_say() {
        let chapter = include_str!("../../../docs/operators/settings.md");
        assert!(chapter == reference(), "run `cargo xtask reference`, which writes the page anew");
    }

    #[test]
    fn every_setting_has_its_unit_default_range_and_variable() {
        let page = reference();
        for said in [
            "### `listen`\n\nWhere the HTTP API listens: `HOST:PORT` (port 0 picks a free one), or `unix:/PATH`.\n\nAn address. Default: `\"127.0.0.1:8000\"`. Variable: `MOOTHALL_LISTEN`.\n",
            "A whole number of milliseconds, 1 to 86400000. Default: `10000` (10 s). Variable: `MOOTHALL_HTTP__HEAD_MS`.",
            "A whole number of bytes, 65536 to 4294967296. Default: `67108864` (64 MiB). Variable: `MOOTHALL_LIMITS__MEMORY_BYTES`.",
            "### `plugins.<name>.limits.cpu_ms`\n\nA whole number of milliseconds, 1 to 86400000. Default: not set. Variable: `MOOTHALL_PLUGINS__<NAME>__LIMITS__CPU_MS`.",
            "A list. Default: `[]`. Variable: `MOOTHALL_PLUGINS__<NAME>__GRANTS__HTTP`.",
        ] {
            assert!(page.contains(said), "{said}");
        }
        assert!(!page.contains("service_links") && !page.contains("setting_variables"));
    }
}
