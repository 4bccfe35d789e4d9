//! `cargo xtask docs`: the documentation with private items, where a broken link is an error. Must
//! never document dependencies, which takes minutes.

use anyhow::Result;

use crate::cargo::{self, succeed};
use crate::usage::no_arguments;
use crate::workspace::Workspace;

pub fn run(arguments: &[String]) -> Result<()> {
    no_arguments("docs", arguments)?;
    build(&Workspace::load()?)
}

pub fn build(workspace: &Workspace) -> Result<()> {
    let mut command = cargo::native(workspace, "doc");
    command.args(["--no-deps", "--document-private-items"]).env("RUSTDOCFLAGS", "-D warnings");
    succeed(&mut command)
}
