//! `cargo xtask test`: everything the end-to-end tests need, then every test, or those that the
//! arguments choose. Must never leave a test to be run by hand.

use anyhow::Result;

use crate::cargo::{self, succeed};
use crate::workspace::Workspace;
use crate::{guests, native};

pub fn run(arguments: &[String]) -> Result<()> {
    all(&Workspace::load()?, arguments)
}

pub fn all(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    guests::build(workspace)?;
    // `cargo test` builds only the binaries of packages with integration tests, and the host's tests lie in another.
    native::build(workspace)?;
    succeed(cargo::native(workspace, "test").args(arguments))?;
    if !arguments.is_empty() {
        return Ok(());
    }
    // The example plugins' own tests run on the machine, against `moothall_sdk::testing`.
    succeed(cargo::examples(workspace, "test").arg("--lib"))
}
