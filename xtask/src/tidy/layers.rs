//! Checks that modules of one crate of the host use only modules below them; between crates the
//! compiler checks it. Must never know more of a module than its name.

use super::Problem;
use super::paths::UsedPath;
use super::sources::Source;

/// A crate's top modules from the bottom up. Modules of one line do not use each other.
struct Levels {
    /// The folder of its sources, from the workspace's root.
    sources: &'static str,
    levels: &'static [&'static [&'static str]],
}

const CRATES: &[Levels] = &[
    Levels {
        sources: "host/core/src/",
        levels: &[
            &["clock", "machine", "permissions", "pieces", "retry"],
            &["ids", "web", "destination", "changes"],
            &["events", "fair_share", "schedule", "pace", "rate", "day_budget"],
            &["instance"],
            &["secrets"],
            &["effects"],
            &["config"],
            &["grants"],
            &["telemetry"],
        ],
    },
    Levels { sources: "host/store/src/", levels: &[&["error"], &["engine"], &["tables"]] },
    Levels {
        sources: "host/engine/src/",
        levels: &[
            &["plugins"],
            &["communities"],
            &["context"],
            &["calls"],
            &["hooks", "mutations"],
            &["oauth", "host_scope"],
        ],
    },
    Levels {
        sources: "host/background/src/",
        levels: &[&["monitoring", "webhooks", "scheduler", "workers"]],
    },
    Levels { sources: "host/src/", levels: &[&["http"], &["host"], &["cli"]] },
];
/// Files of a crate's root, which may name all its modules.
const ROOTS: &[&str] = &["lib", "main"];

fn of_crate(path: &str) -> Option<(&'static Levels, &str)> {
    CRATES.iter().find_map(|one| Some((one, path.strip_prefix(one.sources)?)))
}

pub fn check(source: &Source, used: &[UsedPath]) -> Vec<Problem> {
    let Some((Levels { levels, .. }, below)) = of_crate(&source.path) else { return Vec::new() };
    let user = top_of(below);
    if ROOTS.contains(&user) {
        return Vec::new();
    }
    let problem = |line, message| Problem { path: source.path.clone(), line, message };
    let Some(level) = level_of(levels, user) else {
        return vec![problem(
            1,
            format!("`{user}` has no level in xtask/src/tidy/layers.rs; give it one"),
        )];
    };
    let targets = used.iter().filter_map(|path| Some((path.line, target(path)?)));
    let is_up = |target: &str| level_of(levels, target).is_some_and(|other| other >= level);
    let mut wrong: Vec<_> =
        targets.filter(|(_, target)| *target != user && is_up(target)).collect();
    // One `use` tree can name a module many times.
    wrong.dedup();
    wrong.into_iter().map(|(line, target)| problem(line, upward(user, target, levels))).collect()
}

fn top_of(below: &str) -> &str {
    below.split('/').next().unwrap_or(below).trim_end_matches(".rs")
}

/// The part after `crate::`: a top module, or an item of the crate's root.
fn target(path: &UsedPath) -> Option<&str> {
    match path.segments.as_slice() {
        [root, module, ..] if root == "crate" => Some(module),
        _ => None,
    }
}

fn level_of(levels: &[&[&str]], module: &str) -> Option<usize> {
    levels.iter().position(|level| level.contains(&module))
}

fn upward(user: &str, target: &str, levels: &[&[&str]]) -> String {
    let arrows: Vec<String> = levels.iter().rev().map(|level| level.join(" | ")).collect();
    let arrows = arrows.join(" → ");
    format!("`{user}` must not use `crate::{target}`: arrows point down only ({arrows})")
}

#[cfg(test)]
mod tests {
    use super::super::paths::{module_of, used_paths};
    use super::*;

    fn problems(path: &str, text: &str) -> Vec<String> {
        let source = Source { path: format!("host/{path}"), text: text.to_owned() };
        let (_, below) = of_crate(&source.path).expect("a crate whose modules have levels");
        let used = used_paths(text, &module_of(below));
        check(&source, &used).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn downward_and_own_references_pass() {
        assert_eq!(
            problems("engine/src/calls/run.rs", "use crate::{calls::error, plugins::Plugins};"),
            [""; 0]
        );
        assert_eq!(problems("core/src/effects.rs", "use crate::ids::PluginName;"), [""; 0]);
        assert_eq!(problems("src/host.rs", "use crate::http;"), [""; 0]);
        assert_eq!(problems("src/lib.rs", "use crate::host;"), [""; 0]);
    }

    #[test]
    fn an_upward_reference_is_found_with_its_line_and_the_rule() {
        let found = problems("engine/src/plugins/load.rs", "//! x\nuse crate::calls::run;");
        let expected = "host/engine/src/plugins/load.rs:2: `plugins` must not use `crate::calls`: arrows point down only";
        assert!(found[0].starts_with(expected), "{found:?}");
    }

    #[test]
    fn sideways_references_and_climbing_by_super_are_found() {
        assert_eq!(problems("engine/src/hooks.rs", "fn f() { crate::mutations::x() }").len(), 1);
        assert_eq!(
            problems("engine/src/plugins/load/parts.rs", "use super::super::super::oauth::X;")
                .len(),
            1
        );
        assert_eq!(problems("core/src/ids.rs", "use crate::config::Config;").len(), 1);
    }

    #[test]
    fn comments_and_items_of_the_root_are_no_arrows() {
        assert_eq!(problems("core/src/ids.rs", "// crate::config\nuse crate::VERSION;"), [""; 0]);
    }

    #[test]
    fn a_module_without_a_level_is_found() {
        assert_eq!(
            problems("core/src/shiny.rs", "//! x"),
            [
                "host/core/src/shiny.rs:1: `shiny` has no level in xtask/src/tidy/layers.rs; give it one"
            ]
        );
    }
}
