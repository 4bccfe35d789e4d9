//! A project in Rust: cargo builds and tests it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

/// What plugins are built for.
const TARGET: &str = "wasm32-wasip2";
const NO_CARGO: &str = "cargo and rustc cannot be started; install Rust from https://rustup.rs";

/// Builds the component; says where it is.
pub fn build(folder: &Path) -> anyhow::Result<PathBuf> {
    require_target(folder)?;
    let mut cargo = cargo(folder, "build");
    cargo.args(["--target", TARGET, "--release", "--lib"]);
    cargo.arg("--message-format=json-render-diagnostics");
    let built = cargo.stdout(Stdio::piped()).stderr(Stdio::inherit()).output();
    let built = built.context(NO_CARGO)?;
    if !built.status.success() {
        bail!("the plugin does not build; cargo says above why");
    }
    let said = String::from_utf8_lossy(&built.stdout);
    said.lines().rev().find_map(component).context(
        "the project builds no component; write `[lib]` and `crate-type = [\"cdylib\"]` in its Cargo.toml",
    )
}

/// Runs the project's own tests, natively; the arguments go to `cargo test`.
pub fn test(folder: &Path, arguments: &[OsString]) -> anyhow::Result<()> {
    let status = cargo(folder, "test").args(arguments).status().context(NO_CARGO)?;
    if !status.success() {
        bail!("`cargo test` has failed; it says above why");
    }
    Ok(())
}

/// The package's name.
pub fn name(folder: &Path) -> anyhow::Result<Option<String>> {
    let mut cargo = cargo(folder, "metadata");
    let said = cargo.args(["--no-deps", "--format-version", "1"]).output().context(NO_CARGO)?;
    if !said.status.success() {
        let why = String::from_utf8_lossy(&said.stderr);
        bail!("cargo cannot read the project's Cargo.toml: {}", why.trim());
    }
    let metadata: Value = serde_json::from_slice(&said.stdout).unwrap_or_default();
    let own = folder.join("Cargo.toml").canonicalize()?;
    let packages = metadata["packages"].as_array();
    let is_own = |package: &&Value| {
        package["manifest_path"].as_str().is_some_and(|path| Path::new(path) == own)
    };
    let package = packages.and_then(|packages| packages.iter().find(is_own));
    Ok(package.and_then(|package| package["name"].as_str().map(str::to_owned)))
}

fn cargo(folder: &Path, subcommand: &str) -> Command {
    let mut command = Command::new("cargo");
    command.arg(subcommand).current_dir(folder);
    command
}

/// Says what to do if the compiler lacks the target. Where there is rustup, the project's `rust-toolchain.toml` has it
/// install the target.
fn require_target(folder: &Path) -> anyhow::Result<()> {
    let mut rustc = Command::new("rustc");
    let printed = rustc.args(["--print", "sysroot"]).current_dir(folder).output();
    let printed = printed.context(NO_CARGO)?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&printed.stdout).trim());
    if printed.status.success() && !sysroot.join("lib/rustlib").join(TARGET).is_dir() {
        bail!(
            "the compiler in {} cannot build for {TARGET}; run `rustup target add {TARGET}`",
            sysroot.display()
        );
    }
    Ok(())
}

/// The component that one of cargo's messages names.
fn component(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    if message["reason"] != "compiler-artifact" {
        return None;
    }
    let files = message["filenames"].as_array()?;
    let mut files = files.iter().filter_map(Value::as_str);
    files.find(|file| file.ends_with(".wasm")).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::{component, name};
    use std::path::Path;

    #[test]
    fn what_cargo_says_of_a_broken_manifest_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("Cargo.toml"), "[package\n").expect("written");
        let told = name(folder.path()).map_err(|error| format!("{error:#}"));
        assert!(
            told.is_err_and(|told| told.contains("cannot read the project's Cargo.toml: error"))
        );
    }

    #[test]
    fn the_component_is_found_among_cargo_s_messages() {
        let artifact = r#"{"reason":"compiler-artifact","filenames":["/t/libx.rlib","/t/x.wasm"]}"#;
        assert_eq!(component(artifact).as_deref(), Some(Path::new("/t/x.wasm")));
        for other in [
            r#"{"reason":"compiler-artifact","filenames":["/t/libx.rlib"]}"#,
            r#"{"reason":"build-finished","success":true}"#,
            "no JSON",
        ] {
            assert_eq!(component(other), None, "{other}");
        }
    }
}
