//! The host's binary, built from the same packages as the tests, so that `demo` and `test` share
//! one build. Must never select packages of its own.

use std::path::PathBuf;

use anyhow::Result;

use crate::cargo::{self, succeed};
use crate::workspace::Workspace;

/// Builds the binaries and says where the host's is.
pub fn build(workspace: &Workspace) -> Result<PathBuf> {
    succeed(cargo::native(workspace, "build").arg("--bins"))?;
    Ok(workspace.target.join("debug/moothall"))
}
