//! Runs a language's own tools: what they say goes to standard error, after the progress and in one piece.

use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, anyhow};

use crate::cli::plugin::progress::Progress;

/// Runs a tool that says only at its end what was wrong; returns whether it succeeded.
pub fn succeeds(command: &mut Command, work: &str, missing: &str) -> anyhow::Result<bool> {
    let progress = Progress::of(work);
    let ended = command.stdin(Stdio::null()).output().map_err(|error| cannot(&error, missing))?;
    drop(progress);
    let mut stderr = std::io::stderr().lock();
    if !ended.status.success() {
        // If standard error is closed, nobody wants to know.
        drop(stderr.write_all(&ended.stdout));
    }
    drop(stderr.write_all(&ended.stderr));
    Ok(ended.status.success())
}

/// Runs a tool whose output is the command's result, such as that of tests; returns whether it succeeded.
pub fn shows(command: &mut Command, missing: &str) -> anyhow::Result<bool> {
    Ok(command.status().map_err(|error| cannot(&error, missing))?.success())
}

/// What a tool says of itself, in one line.
pub fn line(command: &mut Command, missing: &str) -> anyhow::Result<String> {
    let ended = command.stdin(Stdio::null()).output().map_err(|error| cannot(&error, missing))?;
    let said = String::from_utf8_lossy(&ended.stdout).trim().to_owned();
    Some(said).filter(|_| ended.status.success()).with_context(|| missing.to_owned())
}

/// A tool that is not there is told apart from one that the system does not start.
fn cannot(error: &std::io::Error, missing: &str) -> anyhow::Error {
    match error.kind() {
        ErrorKind::NotFound => anyhow!("{missing}"),
        _ => anyhow!("{missing} (the system says: {error})"),
    }
}
