//! Arrows between the modules of one crate of the host point down only (design: the one call path), also between those
//! within `http`; between crates the compiler sees to it. Must never know more of a module than its name.

use super::Problem;
use super::paths::UsedPath;
use super::sources::Source;

/// Modules from the ground up; modules of one line do not know each other.
struct Levels {
    /// Where their sources are, from the workspace's root.
    sources: &'static str,
    /// The module that they are in: nothing for the crate.
    within: &'static [&'static str],
    /// Each as its path below that, with `/`. A module with no entry of its own belongs to the one that it is in.
    levels: &'static [&'static [&'static str]],
}

const ALL: &[Levels] = &[
    Levels {
        sources: "host/core/src/",
        within: &[],
        levels: &[
            &[
                "clock",
                "endpoint",
                "machine",
                "permissions",
                "pieces",
                "retry",
                "scope",
                "state_cache",
            ],
            &["ids", "web", "destination", "changes"],
            &["chain", "events", "fair_share", "schedule", "pace", "rate", "day_budget"],
            &["instance"],
            &["secrets"],
            &["effects"],
            &["config"],
            &["grants"],
            &["telemetry"],
        ],
    },
    Levels {
        sources: "host/store/src/",
        within: &[],
        levels: &[&["error"], &["engine"], &["tables"]],
    },
    Levels {
        sources: "host/engine/src/",
        within: &[],
        levels: &[
            &["plugins"],
            &["communities"],
            &["context"],
            &["calls"],
            &["idempotency"],
            &["hooks", "mutations", "publishing"],
            &["oauth", "host_scope"],
        ],
    },
    Levels {
        sources: "host/background/src/",
        within: &[],
        levels: &[&["monitoring", "webhooks", "scheduler", "workers"]],
    },
    Levels { sources: "host/src/", within: &[], levels: &[&["http"], &["app"], &["cli"]] },
    Levels {
        sources: "host/src/http/",
        within: &["http"],
        levels: &[
            &["html", "json_text", "keys", "peer"],
            &["middleware/accept", "middleware/foreign_response", "middleware/request_id"],
            &["middleware/body_budget", "middleware/body_schema"],
            &["problem"],
            &["api", "middleware/instance"],
            &["route", "middleware/body", "middleware/hook_gate"],
            &["middleware/access", "middleware/idempotency", "middleware/path"],
            &["middleware/changes", "middleware/head"],
            &[
                "routes/actions",
                "routes/deliveries",
                "routes/failed_calls",
                "routes/hooks",
                "routes/identity",
                "routes/keys",
                "routes/oauth",
                "routes/openapi",
                "routes/operating",
                "routes/plugins",
                "routes/processes",
                "routes/recordings",
                "routes/schedules",
                "routes/webhooks",
                "routes/workers",
            ],
            &["routes/communities", "routes/events", "routes/plugin_routes"],
            &["routes/changes", "routes/endpoints"],
            &["routes"],
            &["table"],
            &["middleware", "openapi"],
            &["serve"],
        ],
    },
];
/// Files of a crate's root, which may name all its modules.
const ROOTS: &[&str] = &["lib", "main"];

pub fn check(source: &Source, used: &[UsedPath]) -> Vec<Problem> {
    ALL.iter().flat_map(|levels| levels.check(source, used)).collect()
}

impl Levels {
    fn check(&self, source: &Source, used: &[UsedPath]) -> Vec<Problem> {
        let Some(below) = source.path.strip_prefix(self.sources) else { return Vec::new() };
        let path: Vec<&str> = below.trim_end_matches(".rs").split('/').collect();
        if ROOTS.contains(&path[0]) {
            return Vec::new();
        }
        let problem = |line, message| Problem { path: source.path.clone(), line, message };
        let found = self.find(&path).filter(|(_, name)| !self.is_unlisted(&path, name));
        let Some((level, user)) = found else {
            let module = path[..path.len().min(2)].join("::");
            let message =
                format!("`{module}` has no level in xtask/src/tidy/layers.rs; give it one");
            return vec![problem(1, message)];
        };
        let targets = used.iter().filter_map(|path| Some((path.line, self.target(path)?)));
        let is_up = |(other, target): (usize, &str)| target != user && other >= level;
        let mut wrong: Vec<_> = targets.filter(|(_, target)| is_up(*target)).collect();
        // One `use` tree can name a module many times.
        wrong.dedup();
        let message = |target: &str| self.upward(user, target);
        wrong.into_iter().map(|(line, (_, target))| problem(line, message(target))).collect()
    }

    /// The level and the name of the module that a path leads into, or of the nearest around it.
    fn find(&self, path: &[&str]) -> Option<(usize, &'static str)> {
        let levels = self.levels.iter().enumerate();
        let all = levels.flat_map(|(level, names)| names.iter().map(move |name| (level, *name)));
        let around = all.filter(|(_, name)| {
            let mut path = path.iter();
            name.split('/').all(|part| path.next() == Some(&part))
        });
        around.max_by_key(|(_, name)| name.len())
    }

    /// Whether the modules within `around` are listed one by one, and this one is not.
    fn is_unlisted(&self, path: &[&str], around: &str) -> bool {
        let depth = around.split('/').count();
        let within = format!("{around}/");
        let are_listed =
            self.levels.iter().copied().flatten().any(|name| name.starts_with(&within));
        path.len() > depth && are_listed
    }

    /// The module that is named; nothing for an item of the root.
    fn target(&self, path: &UsedPath) -> Option<(usize, &'static str)> {
        let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
        let below = segments.strip_prefix(&["crate"])?.strip_prefix(self.within)?;
        self.find(below)
    }

    fn upward(&self, user: &str, target: &str) -> String {
        let arrows: Vec<String> = self.levels.iter().rev().map(|level| level.join(" | ")).collect();
        let path = [&["crate"], self.within, &[target]].concat().join("::").replace('/', "::");
        let arrows = arrows.join(" → ");
        format!("`{user}` must not use `{path}`: arrows point down only ({arrows})")
    }
}

#[cfg(test)]
mod tests {
    use super::super::paths::{module_of, used_paths};
    use super::*;

    fn problems(path: &str, text: &str) -> Vec<String> {
        let source = Source { path: format!("host/{path}"), text: text.to_owned() };
        let (_, below) = path.split_once("src/").expect("a source file");
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
        assert_eq!(problems("src/app.rs", "use crate::http;"), [""; 0]);
        assert_eq!(problems("src/lib.rs", "use crate::app;"), [""; 0]);
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
    fn modules_within_a_module_have_levels_of_their_own() {
        let file = "src/http/routes/plugins/shown.rs";
        assert_eq!(problems(file, "use crate::http::middleware::body;"), [""; 0]);
        assert_eq!(problems(file, "use super::super::plugins::instance;"), [""; 0]);
        for up in [
            "use crate::http::routes::events::declared;",
            "use crate::http::table;",
            "use crate::http::middleware::RequestMiddleware;",
        ] {
            assert_eq!(problems(file, up).len(), 1, "{up}");
        }
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
        let within = problems("src/http/routes/shiny.rs", "//! x");
        assert!(within[0].contains("`routes::shiny` has no level"), "{within:?}");
    }
}
