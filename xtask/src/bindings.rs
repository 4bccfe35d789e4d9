//! `cargo xtask bindings`: writes the SDK's bindings of the contract and the copies in the published packages. The
//! work is done by a crate of its own, so that no other command has to build wit-bindgen.

use anyhow::Result;

use crate::cargo::{cargo, succeed};
use crate::usage::no_arguments;
use crate::workspace::Workspace;

pub fn run(arguments: &[String]) -> Result<()> {
    no_arguments("bindings", arguments)?;
    let workspace = Workspace::load()?;
    succeed(cargo(&workspace, "run").args(["--quiet", "--package", "moothall-bindings"]))
}
