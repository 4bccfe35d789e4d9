//! What a command prints.

use std::io::Write;

use anyhow::Context;

/// A line of a command's result.
pub fn answer(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("standard output cannot be written")
}
