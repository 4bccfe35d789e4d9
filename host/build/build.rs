//! Puts into the binary what `moothall plugin new` writes: the SDK's sources for each language, with the versions of
//! dependencies that this repository has, and the templates of plugins.
//!
//! Writes `kit.rs` into the folder of build output. Must never change what it reads.

mod embedded;
mod lock;
mod manifest;
mod packages;
mod sdk;

use std::error::Error;
use std::path::{Path, PathBuf};

use embedded::Embedded;

/// The crate on which plugins depend.
const SDK: &str = "moothall-sdk";
/// The packages for other languages, and the constants with their files.
const PACKAGES: [(&str, &str); 2] =
    [("plugin-sdk/python", "SDK_PYTHON"), ("plugin-sdk/js", "SDK_JS")];
/// Files of the repository that become files of a project, and their names among the templates: the versions of tools, and
/// of all that a plugin in JavaScript needs.
const VERSIONS: [(&str, &str); 2] = [
    ("example-plugins/hello-js/package-lock.json", "package-lock.json"),
    ("rust-toolchain.toml", "rust-toolchain.toml"),
];
/// The doc comment of each constant that holds the files of an SDK.
const FILES: &str = "The SDK's files for a language, by their paths below the SDK's folder.";

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let mut kit = String::new();
    let mut sources = Embedded::default();
    sdk::take(&root, SDK, &mut sources)?;
    kit.push_str(&sources.constant("SDK_RUST", FILES));
    for (folder, constant) in PACKAGES {
        let mut package = Embedded::default();
        packages::take(&root, folder, &mut package)?;
        kit.push_str(&package.constant(constant, FILES));
    }
    let mut templates = Embedded::default();
    templates.take_folder(&root.join("host/templates"), "")?;
    for (file, name) in VERSIONS {
        templates.take(&root.join(file), name)?;
    }
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
