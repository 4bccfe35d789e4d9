//! `cargo xtask bench`: the host's benchmark. Must never measure on its own: what is measured
//! stands in `host/benches`.

use anyhow::Result;

use crate::cargo::{cargo, succeed};
use crate::guests;
use crate::workspace::Workspace;

pub fn run(arguments: &[String]) -> Result<()> {
    let workspace = Workspace::load()?;
    guests::build(&workspace)?;
    // Builds the host's binary as well, in the same go: the profile `bench` is `release`, so nothing is built twice.
    let mut command = cargo(&workspace, "bench");
    command.args(["--package", "moothall", "--bench", "moothall_bench", "--"]).args(arguments);
    succeed(&mut command)
}
