//! `cargo xtask test`: everything the end-to-end tests need, then every test, or those that the
//! arguments choose. Must never leave a test to be run by hand.

use anyhow::Result;

use crate::cargo::{self, succeed};
use crate::workspace::Workspace;
use crate::{guests, languages, native};

/// The flag that also builds and tests plugins in other languages.
const LANGUAGES: &str = "--languages";

pub fn run(arguments: &[String]) -> Result<()> {
    let (flags, rest): (Vec<String>, Vec<String>) =
        arguments.iter().cloned().partition(|argument| argument == LANGUAGES);
    let workspace = Workspace::load()?;
    if !flags.is_empty() {
        return with_languages(&workspace, &rest);
    }
    all(&workspace, &rest, &[])?;
    eprintln!(
        "left out: plugins in other languages, which `cargo xtask test {LANGUAGES}` tests too"
    );
    Ok(())
}

/// The same, and plugins in other languages.
pub fn with_languages(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    languages::build(workspace)?;
    all(workspace, arguments, &["--features", "moothall-tests/languages"])
}

fn all(workspace: &Workspace, arguments: &[String], features: &[&str]) -> Result<()> {
    guests::build(workspace)?;
    // `cargo test` builds only the binaries of packages with integration tests, and the host's tests lie in another.
    native::build(workspace)?;
    succeed(cargo::native(workspace, "test").args(features).args(arguments))?;
    if !arguments.is_empty() {
        return Ok(());
    }
    // The example plugins' own tests run on the machine, against `moothall_sdk::testing`.
    succeed(cargo::examples(workspace, "test").arg("--lib"))
}
