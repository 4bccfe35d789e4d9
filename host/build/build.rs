//! Puts into the binary what `moothall plugin new` writes: the SDK's sources, with the versions of dependencies that this
//! workspace has, and the templates of plugins.
//!
//! Writes `kit.rs` into the folder of build output. Must never change what it reads.

mod embedded;
mod lock;
mod manifest;
mod sdk;

use std::error::Error;
use std::path::{Path, PathBuf};

use embedded::Embedded;

/// The crate on which plugins depend.
const SDK: &str = "moothall-sdk";

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let mut kit = String::new();
    let mut sources = Embedded::default();
    sdk::take(&root, SDK, &mut sources)?;
    kit.push_str(
        &sources.constant("SDK", "The SDK's files, by their paths below the SDK's folder."),
    );
    let mut templates = Embedded::default();
    templates.take_folder(&root.join("host/templates"), "")?;
    templates.take(&root.join("rust-toolchain.toml"), "rust-toolchain.toml")?;
    kit.push_str(&templates.constant("TEMPLATES", "The files of the templates."));
    kit.push_str(&lock::constant(&root.join("Cargo.lock"), SDK)?);
    std::fs::write(output()?.join("kit.rs"), kit)?;
    println!("cargo::rerun-if-changed=build");
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script only so where to write")]
fn output() -> Result<PathBuf, Box<dyn Error>> {
    Ok(std::env::var_os("OUT_DIR").ok_or("cargo names no folder for output")?.into())
}
