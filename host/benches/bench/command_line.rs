//! The benchmark's command line: the table, or one of the processes that the table needs. Must
//! never measure.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{axum_server, bare_calls, loader, posts, receiver, shaped_calls, table};

const USAGE: &str = "usage: cargo xtask bench [ROW-PREFIX…] [--rounds N] [--quick]";
/// The default number of rounds; fewer give no reliable median.
pub const ROUNDS: usize = 5;

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Bench {
    /// Prefixes of the chosen rows; if empty, all rows.
    rows: Vec<String>,
    pub rounds: usize,
    /// Small numbers, to see that everything works: no verdicts.
    pub quick: bool,
}

pub fn main() -> ExitCode {
    // `cargo bench` adds `--bench`, to tell benchmarks from tests.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|each| each != "--bench").collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["axum-server"] => axum_server::serve(),
        ["load"] => loader::answer(),
        ["bare-calls"] => bare_calls::answer(),
        ["shaped-calls"] => shaped_calls::answer(),
        ["receiver"] => receiver::serve(),
        ["posts"] => posts::answer(),
        _ => match Bench::parse(&arguments) {
            Ok(bench) => table::show(&bench),
            Err(misuse) => {
                eprintln!("error: {misuse}\n\n{USAGE}");
                return ExitCode::from(2);
            }
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Bench {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let (mut rows, mut rounds, mut quick) = (Vec::new(), None, false);
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--quick" => quick = true,
                "--rounds" => rounds = Some(number(rest.next())?),
                option if option.starts_with('-') => {
                    return Err(format!("There is no option `{option}`: use one of those below."));
                }
                prefix => rows.push(prefix.to_owned()),
            }
        }
        if let Some(stranger) = rows.iter().find(|prefix| !table::has_row(prefix)) {
            let known = table::names().join(", ");
            return Err(format!("No row begins with `{stranger}`: choose from {known}."));
        }
        Ok(Self { rows, rounds: rounds.unwrap_or(if quick { 2 } else { ROUNDS }), quick })
    }

    pub fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|prefix| row.starts_with(prefix.as_str()))
    }

    /// How long each side is measured in each round.
    pub fn window(&self) -> Duration {
        Duration::from_millis(if self.quick { 500 } else { 3_000 })
    }

    /// How long each side runs before it is measured: connections, pools and caches fill.
    pub fn warm_up(&self) -> Duration {
        Duration::from_millis(if self.quick { 200 } else { 700 })
    }

    /// Shows the progress on standard error.
    pub fn progress(&self, what: &str) {
        eprintln!("  … {what}");
    }
}

fn number(argument: Option<&String>) -> Result<usize, String> {
    let number = argument.and_then(|text| text.parse().ok()).filter(|number| *number > 0);
    number.ok_or_else(|| "`--rounds` needs a number above 0: `--rounds 5`.".to_owned())
}

/// The host's binary, which cargo has built with the same profile.
pub fn host_binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_moothall"))
}

fn target() -> Result<&'static Path> {
    host_binary()
        .parent()
        .and_then(Path::parent)
        .context("the host's binary lies in no target directory")
}

/// A component that `cargo xtask guests` has built below the target directory.
pub fn component(path: &str) -> Result<PathBuf> {
    let file = target()?.join(path).with_extension("wasm");
    anyhow::ensure!(file.is_file(), "{} is not there; run `cargo xtask guests`", file.display());
    Ok(file)
}

/// A directory that is removed at the end. It is below the target directory, not in `/tmp`, which
/// may be in memory: writes must go to the disk.
pub fn scratch(purpose: &str) -> Result<tempfile::TempDir> {
    let parent = target()?.join("bench");
    std::fs::create_dir_all(&parent)
        .with_context(|| format!("cannot make {}", parent.display()))?;
    let made = tempfile::Builder::new().prefix(purpose).tempdir_in(&parent);
    made.with_context(|| format!("cannot make a directory in {}", parent.display()))
}
