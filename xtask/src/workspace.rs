//! Reads `cargo metadata`: where the workspace is, and which of its packages are guests. Must never
//! know a package by its name.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

#[derive(Debug)]
pub struct Workspace {
    pub root: PathBuf,
    /// The target directory. It honours `CARGO_TARGET_DIR` and `build.target-dir`, because cargo
    /// itself says it.
    pub target: PathBuf,
    pub guests: Vec<Guest>,
}

/// A package that is built for wasm; only its own tests run natively.
#[derive(Debug, PartialEq)]
pub struct Guest {
    pub package: String,
    /// The name of the `.wasm` file that cargo writes, without its ending.
    pub library: String,
    pub kind: GuestKind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GuestKind {
    ExamplePlugin,
    Fixture,
}

impl GuestKind {
    /// The folder in the workspace with the sources of this kind.
    fn source_folder(self) -> &'static str {
        match self {
            Self::ExamplePlugin => "example-plugins",
            Self::Fixture => "tests/fixtures",
        }
    }

    /// The folder in the target directory for the built components.
    pub fn built_folder(self) -> &'static str {
        match self {
            Self::ExamplePlugin => "plugins",
            Self::Fixture => "fixtures",
        }
    }
}

impl Workspace {
    pub fn load() -> Result<Self> {
        let output = Command::new("cargo")
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .context("cannot start `cargo metadata`; install Rust from https://rustup.rs")?;
        ensure!(
            output.status.success(),
            "`cargo metadata` failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        let metadata =
            serde_json::from_slice(&output.stdout).context("`cargo metadata` answered no JSON")?;
        Self::from_metadata(&metadata)
    }

    fn from_metadata(metadata: &Value) -> Result<Self> {
        let root = PathBuf::from(text(metadata, "workspace_root")?);
        let packages =
            metadata["packages"].as_array().context("`cargo metadata` names no packages")?;
        let guests = packages
            .iter()
            .filter_map(|package| guest(&root, package).transpose())
            .collect::<Result<_>>()?;
        Ok(Self { target: PathBuf::from(text(metadata, "target_directory")?), root, guests })
    }
}

fn guest(root: &Path, package: &Value) -> Result<Option<Guest>> {
    let manifest = Path::new(text(package, "manifest_path")?);
    let kind = [GuestKind::ExamplePlugin, GuestKind::Fixture]
        .into_iter()
        .find(|kind| manifest.starts_with(root.join(kind.source_folder())));
    let Some(kind) = kind else { return Ok(None) };
    let library = component_library(package).with_context(|| {
        format!(
            "{} builds no component; give it `[lib] crate-type = [\"cdylib\"]`",
            manifest.display()
        )
    })?;
    Ok(Some(Guest {
        package: text(package, "name")?.to_owned(),
        library: library.replace('-', "_"),
        kind,
    }))
}

fn component_library(package: &Value) -> Option<&str> {
    let is_component = |target: &&Value| {
        target["crate_types"]
            .as_array()
            .is_some_and(|types| types.iter().any(|kind| kind == "cdylib"))
    };
    package["targets"].as_array()?.iter().find(is_component)?["name"].as_str()
}

fn text<'a>(object: &'a Value, key: &str) -> Result<&'a str> {
    object[key].as_str().with_context(|| format!("`cargo metadata` answered no `{key}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(name: &str, manifest: &str, crate_type: &str) -> Value {
        json!({ "name": name, "manifest_path": manifest, "targets": [{ "name": name, "crate_types": [crate_type] }] })
    }

    fn load(packages: Value) -> Result<Workspace> {
        Workspace::from_metadata(
            &json!({ "workspace_root": "/w", "target_directory": "/t", "packages": packages }),
        )
    }

    #[test]
    fn guests_are_the_packages_in_the_guest_folders() {
        let workspace = load(json!([
            package("moothall", "/w/host/Cargo.toml", "lib"),
            package("two-words", "/w/example-plugins/two-words/Cargo.toml", "cdylib"),
            package("raw", "/w/tests/fixtures/raw/Cargo.toml", "cdylib"),
            package("moothall-tests", "/w/tests/Cargo.toml", "lib"),
        ]))
        .unwrap();
        let plugin = Guest {
            package: "two-words".into(),
            library: "two_words".into(),
            kind: GuestKind::ExamplePlugin,
        };
        let fixture =
            Guest { package: "raw".into(), library: "raw".into(), kind: GuestKind::Fixture };
        assert_eq!(workspace.guests, [plugin, fixture]);
        assert_eq!(workspace.target, Path::new("/t"));
    }

    #[test]
    fn a_guest_that_builds_no_component_is_an_error_that_says_what_to_do() {
        let error =
            load(json!([package("x", "/w/example-plugins/x/Cargo.toml", "lib")])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "/w/example-plugins/x/Cargo.toml builds no component; give it `[lib] crate-type = [\"cdylib\"]`"
        );
    }
}
