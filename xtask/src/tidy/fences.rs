//! Checks that each foreign crate of the host is named in one place only. Must never be loosened
//! for convenience: a type that leaks is used everywhere within a week.

use super::Problem;
use super::paths::UsedPath;
use super::sources::Source;

struct Fence {
    /// Paths that only these homes may name.
    names: &'static [&'static str],
    /// From the workspace's root; an entry that ends with `/` stands for the whole folder.
    homes: &'static [&'static str],
}

/// Rules that manifests cannot express, because the home and other modules are in one crate.
const FENCES: &[Fence] = &[
    Fence {
        names: &["wasmtime", "wasmtime_wasi", "wasmtime_wasi_http"],
        homes: &[
            "host/guest/src/",
            "host/engine/src/plugins/compile.rs",
            "host/engine/src/plugins/compile/",
        ],
    },
    Fence {
        names: &["wasm_encoder", "wasmparser"],
        homes: &[
            "host/engine/src/plugins/compile/relink.rs",
            "host/engine/src/plugins/compile/relink/",
        ],
    },
    Fence { names: &["axum", "matchit"], homes: &["host/src/http.rs", "host/src/http/"] },
    Fence { names: &["std::env"], homes: &["host/core/src/config.rs", "host/core/src/config/"] },
];

pub fn check(source: &Source, used: &[UsedPath]) -> Vec<Problem> {
    let closed =
        FENCES.iter().filter(|fence| !fence.homes.iter().any(|home| is_in(&source.path, home)));
    closed.flat_map(|fence| used.iter().filter_map(|path| crossing(source, fence, path))).collect()
}

fn is_in(path: &str, home: &str) -> bool {
    path == home || (home.ends_with('/') && path.starts_with(home))
}

fn crossing(source: &Source, fence: &Fence, path: &UsedPath) -> Option<Problem> {
    let name = fence.names.iter().find(|name| begins_with(path, name))?;
    let message = format!(
        "`{name}` is used only in {}; give that module a function for what is needed here",
        fence.homes.join(", ")
    );
    Some(Problem { path: source.path.clone(), line: path.line, message })
}

fn begins_with(path: &UsedPath, name: &str) -> bool {
    let mut segments = path.segments.iter();
    name.split("::").all(|part| segments.next().is_some_and(|segment| segment == part))
}

#[cfg(test)]
mod tests {
    use super::super::paths::{module_of, used_paths};
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let source = Source { path: format!("host/{path}"), text: text.to_owned() };
        check(&source, &used_paths(text, &module_of("x.rs")))
            .iter()
            .map(|problem| problem.line)
            .collect()
    }

    #[test]
    fn a_fenced_crate_is_found_outside_its_home() {
        assert_eq!(lines("engine/src/calls.rs", "\nuse wasmtime::Engine;"), [2]);
        assert_eq!(lines("engine/src/plugins/directory.rs", "fn f(e: wasmtime_wasi::Ctx) {}"), [1]);
        assert_eq!(lines("src/app.rs", "use axum::Router;"), [1]);
        assert_eq!(lines("src/cli/serve.rs", "use std::{env, fs};"), [1]);
    }

    #[test]
    fn a_fenced_crate_is_at_home_in_its_home() {
        assert_eq!(lines("guest/src/imports/state.rs", "use wasmtime::Engine;"), [0; 0]);
        assert_eq!(lines("engine/src/plugins/compile.rs", "use wasmtime::Engine;"), [0; 0]);
        assert_eq!(lines("core/src/config/load.rs", "std::env::var(\"X\")"), [0; 0]);
    }

    #[test]
    fn comments_text_and_like_names_are_no_crossing() {
        assert_eq!(
            lines(
                "engine/src/calls.rs",
                "// wasmtime::X\nlet axum = \"axum::x\"; std::environment::x(); env!(\"X\");"
            ),
            [0; 0]
        );
    }
}
