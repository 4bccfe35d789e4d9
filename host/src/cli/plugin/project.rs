//! The author's project in the working directory: builds and tests it with cargo.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::cli::plugin::sdk::{self, ProjectSdk};

/// What plugins are built for.
const TARGET: &str = "wasm32-wasip2";

/// A package that makes one plugin.
pub struct Project {
    /// The folder of its `Cargo.toml`.
    pub folder: PathBuf,
}

impl Project {
    /// The project in the working directory.
    pub fn here() -> anyhow::Result<Self> {
        Self::at(Path::new("."))
    }

    pub fn at(folder: &Path) -> anyhow::Result<Self> {
        if !folder.join("Cargo.toml").is_file() {
            bail!(
                "there is no plugin project in {}: it has no Cargo.toml; change to a project's folder, name a .wasm file, or \
                 make a project with `moothall plugin new NAME`",
                folder.display()
            );
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// Builds the component; says where it is.
    pub fn build(&self) -> anyhow::Result<PathBuf> {
        self.require_target()?;
        self.tell_of_sdk();
        let mut cargo = self.cargo("build");
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
    pub fn test(&self, arguments: &[OsString]) -> anyhow::Result<()> {
        let status = self.cargo("test").args(arguments).status().context(NO_CARGO)?;
        if !status.success() {
            bail!("`cargo test` has failed; it says above why");
        }
        Ok(())
    }

    /// The package's name, which is the plugin's by custom.
    pub fn name(&self) -> anyhow::Result<String> {
        let mut cargo = self.cargo("metadata");
        let said = cargo.args(["--no-deps", "--format-version", "1"]).output().context(NO_CARGO)?;
        let metadata: Value = serde_json::from_slice(&said.stdout).unwrap_or_default();
        let own = self.folder.join("Cargo.toml").canonicalize()?;
        let packages = metadata["packages"].as_array();
        let is_own = |package: &&Value| {
            package["manifest_path"].as_str().is_some_and(|path| Path::new(path) == own)
        };
        let name = packages.and_then(|packages| packages.iter().find(is_own));
        name.and_then(|package| package["name"].as_str().map(str::to_owned))
            .context("cargo cannot say what the project is called; name the plugin with --plugin")
    }

    fn cargo(&self, subcommand: &str) -> Command {
        let mut command = Command::new("cargo");
        command.arg(subcommand).current_dir(&self.folder);
        command
    }

    /// Says that the SDK is another version's: it builds all the same, as does one that cannot be read whole.
    fn tell_of_sdk(&self) {
        if let Ok(ProjectSdk::Other { digest }) = sdk::of_project(&self.folder) {
            let note = format!(
                "note: the SDK in {} ({digest}) is another version's; `moothall plugin update-sdk` renews it",
                sdk::FOLDER
            );
            // If standard error is closed, nobody wants to know.
            drop(writeln!(std::io::stderr(), "{note}"));
        }
    }

    /// Says what to do if the compiler lacks the target. Where there is rustup, the project's `rust-toolchain.toml` has it
    /// install the target.
    fn require_target(&self) -> anyhow::Result<()> {
        let mut rustc = Command::new("rustc");
        let printed = rustc.args(["--print", "sysroot"]).current_dir(&self.folder).output();
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
}

const NO_CARGO: &str = "cargo and rustc cannot be started; install Rust from https://rustup.rs";

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
    use super::component;
    use std::path::Path;

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
