//! `cargo xtask bench`: runs the host's benchmark. The measurements are in `host/benches`.

use anyhow::Result;

use crate::cargo::{cargo, succeed};
use crate::guests;
use crate::workspace::Workspace;

pub fn run(arguments: &[String]) -> Result<()> {
    let workspace = Workspace::load()?;
    guests::build(&workspace)?;
    // Also builds the host's binary, in one run of cargo: the profile `bench` is `release`, so
    // nothing is built twice.
    let mut command = cargo(&workspace, "bench");
    command.args(["--package", "moothall", "--bench", "moothall_bench", "--"]).args(arguments);
    succeed(&mut command)
}
