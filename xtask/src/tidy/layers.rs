//! Arrows between the host's modules point down only (design: the one call path). Must never know
//! more of a module than its name.

use super::Problem;
use super::paths::UsedPath;
use super::sources::Source;

/// The host's top modules from the ground up; modules of one line do not know each other.
/// The leaves come first, each knowing only those before it.
const LEVELS: &[&[&str]] = &[
    &["clock", "machine", "permissions"],
    &["ids", "web", "destination", "changes"],
    &["events", "cadence", "slots", "rate", "day_budget"],
    &["instance"],
    &["secrets"],
    &["effects"],
    &["config"],
    &["grants"],
    &["telemetry"],
    &["store", "egress"],
    &["guest", "outbox"],
    &["plugins"],
    &["communities"],
    &["calls"],
    &["hooks", "monitoring", "mutations"],
    &["oauth", "identity", "webhooks", "host_scope"],
    &["http", "scheduler", "workers"],
];
/// These assemble, and may use everything.
const ASSEMBLERS: &[&str] = &["cli", "host", "lib", "main"];
/// The first level above the leaves.
const FIRST_USER: &str = "store";

/// The levels above, as a message shows them.
const ARROWS: &str = "http | scheduler | workers → hooks → calls → communities → plugins → guest → store | egress \
                      → leaves; outbox → store | egress";

/// The top modules that exist; any other name after `crate::` is an item of the crate's root.
pub fn top_modules(sources: &[Source]) -> Vec<String> {
    let mut modules: Vec<String> = sources
        .iter()
        .filter_map(|source| source.path.strip_prefix("host/src/"))
        .map(top_of)
        .collect();
    modules.dedup();
    modules
}

pub fn check(
    source: &Source,
    host_path: &str,
    used: &[UsedPath],
    modules: &[String],
) -> Vec<Problem> {
    let user = top_of(host_path);
    if ASSEMBLERS.contains(&user.as_str()) {
        return Vec::new();
    }
    let problem = |line, message| Problem { path: source.path.clone(), line, message };
    let Some(level) = level_of(&user) else {
        return vec![problem(
            1,
            format!("`{user}` has no level in xtask/src/tidy/layers.rs; give it one"),
        )];
    };
    let targets = used.iter().filter_map(|path| Some((path.line, target(path, modules)?)));
    let mut wrong: Vec<_> =
        targets.filter(|(_, target)| *target != user && !may_use(&user, level, target)).collect();
    // One `use` tree can name a module many times.
    wrong.dedup();
    wrong.into_iter().map(|(line, target)| problem(line, upward(&user, target))).collect()
}

fn top_of(host_path: &str) -> String {
    host_path.split('/').next().unwrap_or(host_path).trim_end_matches(".rs").to_owned()
}

fn target<'a>(path: &'a UsedPath, modules: &[String]) -> Option<&'a str> {
    match path.segments.as_slice() {
        [root, module, ..] if root == "crate" && modules.contains(module) => Some(module),
        _ => None,
    }
}

fn level_of(module: &str) -> Option<usize> {
    LEVELS.iter().position(|level| level.contains(&module))
}

fn may_use(user: &str, level: usize, target: &str) -> bool {
    // A module without a level is found in its own file.
    let Some(below) = level_of(target) else { return !ASSEMBLERS.contains(&target) };
    // Deliveries know nothing of plugins, so that a slow endpoint cannot hold a call.
    let hidden_from_outbox =
        user == "outbox" && level_of(FIRST_USER).is_some_and(|first| below > first);
    below < level && !hidden_from_outbox
}

fn upward(user: &str, target: &str) -> String {
    format!("`{user}` must not use `crate::{target}`: arrows point down only ({ARROWS})")
}

#[cfg(test)]
mod tests {
    use super::super::paths::{module_of, used_paths};
    use super::*;

    fn problems(host_path: &str, text: &str) -> Vec<String> {
        let source = Source { path: format!("host/src/{host_path}"), text: text.to_owned() };
        let modules: Vec<String> =
            LEVELS.concat().into_iter().chain(["host"]).map(str::to_owned).collect();
        let used = used_paths(text, &module_of(host_path));
        check(&source, host_path, &used, &modules).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn downward_and_own_references_pass() {
        assert_eq!(
            problems("http/actions.rs", "use crate::{calls, http::error, store::Store, ids};"),
            [""; 0]
        );
        assert_eq!(problems("communities.rs", "use crate::plugins::Plugins;"), [""; 0]);
        assert_eq!(problems("outbox.rs", "use crate::{store, egress, clock};"), [""; 0]);
        assert_eq!(problems("host.rs", "use crate::http;"), [""; 0]);
    }

    #[test]
    fn an_upward_reference_is_found_with_its_line_and_the_rule() {
        let found = problems("store/writer.rs", "//! x\nuse crate::calls::run;");
        let expected = "host/src/store/writer.rs:2: `store` must not use `crate::calls`: arrows point down only";
        assert!(found[0].starts_with(expected), "{found:?}");
    }

    #[test]
    fn sideways_references_and_climbing_by_super_are_found() {
        assert_eq!(problems("store.rs", "fn f() { crate::egress::send() }").len(), 1);
        assert_eq!(problems("outbox/render.rs", "use crate::guest;").len(), 1);
        assert_eq!(
            problems("guest/imports/state.rs", "use super::super::super::http::Router;").len(),
            1
        );
        assert_eq!(problems("ids.rs", "use crate::host::Host;").len(), 1);
    }

    #[test]
    fn comments_and_items_of_the_root_are_no_arrows() {
        assert_eq!(problems("ids.rs", "// crate::http\nuse crate::VERSION;"), [""; 0]);
    }

    #[test]
    fn a_module_without_a_level_is_found() {
        assert_eq!(
            problems("shiny.rs", "//! x"),
            ["host/src/shiny.rs:1: `shiny` has no level in xtask/src/tidy/layers.rs; give it one"]
        );
    }
}
