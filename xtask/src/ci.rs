//! `cargo xtask ci`: every check, the quickest first. Must never silently skip a check because a
//! tool is missing.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cargo::{cargo, guests as on_guests, native, succeed};
use crate::usage::Misuse;
use crate::workspace::Workspace;
use crate::{docs, guests, test, tidy};

struct Step {
    name: &'static str,
    check: fn(&Workspace) -> Result<()>,
}

const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        check: |workspace| succeed(cargo(workspace, "fmt").args(["--all", "--check"])),
    },
    Step { name: "clippy", check: clippy },
    Step { name: "tidy", check: tidy::check },
    Step { name: "docs", check: docs::build },
    Step { name: "guests", check: guests::build },
    Step { name: "test", check: |workspace| test::with_languages(workspace, &[]) },
    Step {
        name: "deny",
        check: |workspace| {
            if_installed(workspace, "deny", &["check", "bans", "licenses", "sources"])
        },
    },
    Step { name: "machete", check: |workspace| if_installed(workspace, "machete", &[]) },
];

pub fn run(arguments: &[String]) -> Result<()> {
    let steps = chosen(arguments)?;
    let workspace = Workspace::load()?;
    let mut times = Vec::new();
    for step in steps {
        eprintln!("== {}", step.name);
        let started = Instant::now();
        (step.check)(&workspace).with_context(|| format!("step `{}` failed", step.name))?;
        times.push((step.name, started.elapsed()));
    }
    summarise(&times);
    Ok(())
}

/// All steps, or the named ones, in the order of the list.
fn chosen(names: &[String]) -> Result<Vec<&'static Step>, Misuse> {
    if let Some(unknown) =
        names.iter().find(|name| STEPS.iter().all(|step| step.name != name.as_str()))
    {
        let known: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        return Err(Misuse::new(format!(
            "`ci` has no step `{unknown}`: its steps are {}.",
            known.join(", ")
        )));
    }
    Ok(STEPS
        .iter()
        .filter(|step| names.is_empty() || names.iter().any(|name| name == step.name))
        .collect())
}

/// Also of the tests of plugins in other languages, which are compiled only for those.
const CLIPPY: [&str; 6] =
    ["--all-targets", "--features", "moothall-tests/languages", "--", "-D", "warnings"];

fn clippy(workspace: &Workspace) -> Result<()> {
    succeed(native(workspace, "clippy").args(CLIPPY))?;
    guests::ensure_target()?;
    succeed(on_guests(workspace, "clippy").args(["--", "-D", "warnings"]))
}

fn if_installed(workspace: &Workspace, tool: &str, arguments: &[&str]) -> Result<()> {
    let installed = Command::new(format!("cargo-{tool}"))
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !installed {
        eprintln!("cargo-{tool} is not installed, left out");
        return Ok(());
    }
    succeed(cargo(workspace, tool).args(arguments))
}

fn summarise(times: &[(&str, Duration)]) {
    eprintln!("== all passed");
    for (name, time) in times {
        eprintln!("{name:>8} {:>7.1} s", time.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(arguments: &[&str]) -> Result<Vec<&'static str>, Misuse> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        Ok(chosen(&arguments)?.iter().map(|step| step.name).collect())
    }

    #[test]
    fn named_steps_keep_the_order_of_the_list() {
        assert_eq!(names(&["tidy", "fmt"]).unwrap(), ["fmt", "tidy"]);
        assert_eq!(names(&[]).unwrap().len(), STEPS.len());
    }

    #[test]
    fn an_unknown_step_is_refused_with_the_known_ones() {
        assert!(
            names(&["fmt", "lint"])
                .unwrap_err()
                .to_string()
                .starts_with("`ci` has no step `lint`: its steps are fmt, clippy")
        );
    }
}
