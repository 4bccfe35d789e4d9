//! The names that a new plugin has: its own, its library's, and its type's.

use anyhow::{anyhow, bail};
use toml::Table;

use crate::cli::plugin::language::Language;
use moothall_core::ids::PluginName;

/// Names that cargo or the compiler keep for themselves, or that the template depends on. Those of the SDK's own crates
/// are found among its files.
const TAKEN_IN_RUST: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "schemars",
    "self",
    "serde",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// Packages on which a project in JavaScript depends: npm keeps one of each name.
const TAKEN_IN_JS: &[&str] = &["moothall", "typescript", "zod"];

/// Types that every Rust file has.
const PRELUDE: &[&str] =
    &["Box", "Err", "None", "Ok", "Option", "Result", "Self", "Some", "String", "ToString", "Vec"];

pub struct Names {
    plugin: String,
    type_name: String,
}

impl Names {
    pub fn parse(name: &str, language: Language) -> anyhow::Result<Self> {
        PluginName::parse(name).map_err(|wrong| anyhow!("the plugin's name `{name}`: {wrong}"))?;
        let is_taken = match language {
            Language::Rust => TAKEN_IN_RUST.contains(&name) || is_crate_of_sdk(name),
            Language::Js => TAKEN_IN_JS.contains(&name),
            Language::Python => false,
        };
        if is_taken {
            bail!(
                "a project in this language cannot be called `{name}`, because the language or a package that it needs is; \
                 choose another name for the plugin"
            );
        }
        Ok(Self { plugin: name.to_owned(), type_name: upper_camel_case(name) })
    }

    /// Names that can stand in these sources: the type's has no other meaning there.
    pub fn beside(&self, mut sources: impl Iterator<Item = &'static str>) -> Self {
        let own = self.type_name.as_str();
        let is_word = |text: &str| {
            text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == own)
        };
        let is_taken = PRELUDE.contains(&own) || sources.any(is_word);
        let type_name = if is_taken { format!("{own}Plugin") } else { own.to_owned() };
        Self { plugin: self.plugin.clone(), type_name }
    }

    /// Puts the names in the place of those in the templates.
    pub fn put_into(&self, text: &str) -> String {
        text.replace("my-plugin", &self.plugin)
            .replace("my_plugin", &self.plugin.replace('-', "_"))
            .replace("MyPlugin", &self.type_name)
            .replace("My Plugin", &title(&self.plugin))
    }
}

/// Whether a crate of the SDK has that name. Cargo keeps one package of each name that is in a folder.
fn is_crate_of_sdk(name: &str) -> bool {
    let manifests = Language::Rust.sdk().iter().filter(|(path, _)| path.ends_with("Cargo.toml"));
    let mut names = manifests.filter_map(|(_, text)| {
        let manifest: Table = text.parse().ok()?;
        Some(manifest.get("package")?.get("name")?.as_str()?.to_owned())
    });
    names.any(|taken| taken == name)
}

/// The name as people read it: `weekly-vote` is a Weekly Vote.
fn title(name: &str) -> String {
    let words = name.split('-').filter(|word| !word.is_empty());
    words.map(upper_camel_case).collect::<Vec<_>>().join(" ")
}

fn upper_camel_case(name: &str) -> String {
    let capitalized = |part: &str| {
        let mut letters = part.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    name.split('-').map(capitalized).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> anyhow::Result<Names> {
        Names::parse(name, Language::Rust)
    }

    #[test]
    fn names_fit_where_they_stand() {
        let names = named("two-words-2").expect("a name");
        let text = names.put_into("name = \"my-plugin\"; my_plugin.wasm; struct MyPlugin;");
        assert_eq!(text, "name = \"two-words-2\"; two_words_2.wasm; struct TwoWords2;");
        let twice = named("a--b-").expect("a name of the host's rules");
        assert_eq!(twice.put_into("MyPlugin; My Plugin"), "AB; A B");
    }

    #[test]
    fn a_type_that_the_sources_have_already_gets_another_name() {
        let type_in = |name, source| {
            named(name).expect("a name").beside([source].into_iter()).put_into("MyPlugin")
        };
        assert_eq!(type_in("vote", "struct Vote;"), "VotePlugin");
        assert_eq!(type_in("vote", "struct Votes;"), "Vote");
        assert_eq!(type_in("result", ""), "ResultPlugin");
    }

    #[test]
    fn names_that_no_crate_can_have_are_refused() {
        for name in ["Two", "api", "2", "", "async", "core", "serde", "std", "test", "a b"] {
            assert!(named(name).is_err(), "{name}");
        }
        for of_sdk in ["moothall-sdk", "moothall-sdk-macros", "moothall-values"] {
            assert!(named(of_sdk).is_err(), "{of_sdk}");
        }
    }

    #[test]
    fn names_are_refused_only_where_they_are_taken() {
        for (name, language, is_fine) in [
            ("async", Language::Python, true),
            ("async", Language::Js, true),
            ("zod", Language::Js, false),
            ("zod", Language::Rust, true),
        ] {
            assert_eq!(Names::parse(name, language).is_ok(), is_fine, "{name} in {language:?}");
        }
    }
}
