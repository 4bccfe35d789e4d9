//! Starts cargo and chooses the packages. Every native build selects the same packages, because
//! otherwise features would differ and cargo would build everything twice.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::workspace::{GuestKind, Workspace};

/// The target of every guest.
pub const GUEST_TARGET: &str = "wasm32-wasip2";

/// `cargo` at the root of the workspace.
pub fn cargo(workspace: &Workspace, subcommand: &str) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(&workspace.root).arg(subcommand);
    command
}

/// `cargo SUBCOMMAND` on every package that is no guest.
pub fn native(workspace: &Workspace, subcommand: &str) -> Command {
    let mut command = cargo(workspace, subcommand);
    command.arg("--workspace");
    for guest in &workspace.guests {
        command.args(["--exclude", &guest.package]);
    }
    command
}

/// `cargo SUBCOMMAND` on every example plugin, natively.
pub fn examples(workspace: &Workspace, subcommand: &str) -> Command {
    let mut command = cargo(workspace, subcommand);
    for guest in workspace.guests.iter().filter(|guest| guest.kind == GuestKind::ExamplePlugin) {
        command.args(["--package", &guest.package]);
    }
    command
}

/// `cargo SUBCOMMAND` on every guest, for the guests' target.
pub fn guests(workspace: &Workspace, subcommand: &str) -> Command {
    let mut command = cargo(workspace, subcommand);
    command.args(["--target", GUEST_TARGET]);
    for guest in &workspace.guests {
        command.args(["--package", &guest.package]);
    }
    command
}

/// Shows the command, waits for its end, and fails unless it succeeded.
pub fn succeed(command: &mut Command) -> Result<()> {
    let line = command_line(command);
    eprintln!("$ {line}");
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    ensure!(status.success(), "`{line}` ended with {status}");
    Ok(())
}

fn command_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
