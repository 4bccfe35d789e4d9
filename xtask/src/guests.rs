//! `cargo xtask guests`: builds every guest in one run of cargo, and puts the components where host
//! and tests look for them. Must never touch a file that has not changed, because a watching host
//! would load it again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo::{self, GUEST_TARGET, succeed};
use crate::usage::no_arguments;
use crate::workspace::{Guest, GuestKind, Workspace};

pub fn run(arguments: &[String]) -> Result<()> {
    no_arguments("guests", arguments)?;
    build(&Workspace::load()?)
}

pub fn build(workspace: &Workspace) -> Result<()> {
    ensure_target()?;
    succeed(cargo::guests(workspace, "build").args(["--profile", "guest"]))?;
    put(workspace, GuestKind::ExamplePlugin)?;
    put(workspace, GuestKind::Fixture)
}

/// The folder of the components of this kind after a build.
pub fn folder(workspace: &Workspace, kind: GuestKind) -> PathBuf {
    workspace.target.join(kind.built_folder())
}

/// Adds the guests' target through rustup if the compiler lacks it.
pub fn ensure_target() -> Result<()> {
    match Command::new("rustup").args(["target", "list", "--installed"]).output() {
        Ok(listed)
            if String::from_utf8_lossy(&listed.stdout).lines().any(|line| line == GUEST_TARGET) =>
        {
            Ok(())
        }
        Ok(_) => succeed(Command::new("rustup").args(["target", "add", GUEST_TARGET])),
        Err(_) if compiler_has_target()? => Ok(()),
        Err(_) => bail!(
            "The Rust target {GUEST_TARGET} is missing and there is no rustup to add it: \
             install rustup from https://rustup.rs."
        ),
    }
}

/// The message for a compiler that was not installed by rustup, for example a distribution's.
fn compiler_has_target() -> Result<bool> {
    let output = Command::new("rustc")
        .args(["--print", "sysroot"])
        .output()
        .context("cannot start rustc")?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    Ok(sysroot.join("lib/rustlib").join(GUEST_TARGET).is_dir())
}

fn put(workspace: &Workspace, kind: GuestKind) -> Result<()> {
    let folder = folder(workspace, kind);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let guests: Vec<&Guest> = workspace.guests.iter().filter(|guest| guest.kind == kind).collect();
    remove_strangers(&folder, &guests)?;
    let built = workspace.target.join(GUEST_TARGET).join("guest");
    for guest in guests {
        let from = built.join(&guest.library).with_extension("wasm");
        copy_if_changed(&from, &folder.join(&guest.package).with_extension("wasm"))?;
    }
    Ok(())
}

/// Deletes the component of a guest that was renamed or deleted, which would otherwise stay in the
/// next demo.
fn remove_strangers(folder: &Path, guests: &[&Guest]) -> Result<()> {
    for file in components(folder)? {
        let known = guests
            .iter()
            .any(|guest| file.file_stem().is_some_and(|stem| stem == guest.package.as_str()));
        if !known {
            fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
        }
    }
    Ok(())
}

/// The `.wasm` files of a directory.
pub fn components(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    Ok(paths
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .collect())
}

fn copy_if_changed(from: &Path, to: &Path) -> Result<()> {
    let built = fs::read(from).with_context(|| {
        format!("cannot read {}, which the build should have written", from.display())
    })?;
    if fs::read(to).is_ok_and(|present| present == built) {
        return Ok(());
    }
    // Renamed into place, so that a host which watches the directory never sees half a file.
    let unfinished = to.with_extension("unfinished");
    fs::write(&unfinished, &built)
        .with_context(|| format!("cannot write {}", unfinished.display()))?;
    fs::rename(&unfinished, to).with_context(|| format!("cannot write {}", to.display()))?;
    eprintln!("{} ({} KiB)", to.display(), built.len().div_ceil(1024));
    Ok(())
}
