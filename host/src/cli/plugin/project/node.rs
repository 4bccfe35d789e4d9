//! A project in JavaScript or TypeScript: Node.js builds and tests it, with the packages in its `node_modules`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

use super::fresh::Component;
use super::installed::Installed;
use super::tool;

const MANIFEST: &str = "package.json";
const LOCK: &str = "package-lock.json";
const PACKAGES: &str = "node_modules";
/// The program of the SDK that makes a component.
const BUILDER: &str = "node_modules/moothall/bin/moothall-build.js";
/// The oldest that runs TypeScript by itself.
const OLDEST: (u32, u32) = (22, 18);
const MISSING: &str =
    "node and npm cannot be started; install Node.js 22.18 or later from https://nodejs.org";

/// Builds the component; says where it is.
pub fn build(folder: &Path) -> anyhow::Result<PathBuf> {
    install(folder)?;
    let package = package(folder)?;
    let text = |key: &str| package[key].as_str().map(str::to_owned);
    let source = text("main").with_context(|| {
        format!("{MANIFEST} does not name the plugin's module; write `\"main\": \"src/plugin.ts\"`")
    })?;
    let component = format!("{}.wasm", name(folder)?.as_deref().unwrap_or("plugin"));
    Component { file: folder.join(&component), project: folder }.build(|| {
        let mut node = Command::new("node");
        node.arg(BUILDER).args([&source, &component]).current_dir(folder);
        if !tool::succeeds(&mut node, &format!("building {component}"), MISSING)? {
            bail!("the plugin does not build; moothall-build says above why");
        }
        Ok(())
    })
}

/// Runs the script `test` of `package.json`.
pub fn test(folder: &Path, arguments: &[OsString]) -> anyhow::Result<()> {
    install(folder)?;
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", "test", "--"]).args(arguments).current_dir(folder);
    if !tool::shows(&mut npm, MISSING)? {
        bail!("`npm test` has failed; it says above why");
    }
    Ok(())
}

/// The package's name, without the scope with which it may begin: `@acme/greeter`.
pub fn name(folder: &Path) -> anyhow::Result<Option<String>> {
    let package = package(folder)?;
    let name = package["name"].as_str().and_then(|name| name.rsplit('/').next());
    Ok(name.map(str::to_owned))
}

/// Installs what `package.json` names, if it is not there yet: the versions that `package-lock.json` has, if it has them.
fn install(folder: &Path) -> anyhow::Result<()> {
    require_node(folder)?;
    let named_by = [MANIFEST, LOCK];
    let installed = Installed { project: folder, packages: PACKAGES, named_by: &named_by };
    if installed.is_current() && folder.join(BUILDER).is_file() {
        return Ok(());
    }
    let mut npm = Command::new("npm");
    // Packages run nothing of their own here: none of those that a plugin needs has to.
    npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]);
    let work = format!("installing what {MANIFEST} names into {PACKAGES}");
    if !tool::succeeds(npm.current_dir(folder), &work, MISSING)? {
        bail!("npm cannot install what {MANIFEST} names; it says above why");
    }
    if !folder.join(BUILDER).is_file() {
        bail!("{MANIFEST} does not name the SDK; write `\"moothall\"` among its `dependencies`");
    }
    installed.record()
}

fn require_node(folder: &Path) -> anyhow::Result<()> {
    let said = tool::line(Command::new("node").arg("--version").current_dir(folder), MISSING)?;
    if version(&said).is_some_and(|found| found < OLDEST) {
        let (major, minor) = OLDEST;
        bail!(
            "Node.js {major}.{minor} or later is needed, and the one in the path is {said}; install it from \
             https://nodejs.org"
        );
    }
    Ok(())
}

/// `v22.18.0`
fn version(said: &str) -> Option<(u32, u32)> {
    let mut parts = said.strip_prefix('v')?.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

fn package(folder: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(folder.join(MANIFEST))
        .with_context(|| format!("{MANIFEST} cannot be read"))?;
    serde_json::from_str(&text).with_context(|| format!("{MANIFEST} is no JSON"))
}

#[cfg(test)]
mod tests {
    use super::{MANIFEST, OLDEST, name, version};

    #[test]
    fn a_scope_is_no_part_of_the_plugin_s_name() {
        let folder = tempfile::tempdir().expect("a folder");
        for (manifest, expected) in [
            (r#"{"name":"@acme/greeter"}"#, Some("greeter")),
            (r#"{"name":"greeter"}"#, Some("greeter")),
            ("{}", None),
        ] {
            std::fs::write(folder.path().join(MANIFEST), manifest).expect("written");
            assert_eq!(name(folder.path()).expect("it can be read").as_deref(), expected);
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("v22.18.0"), Some(OLDEST));
        assert!(version("v9.20.1") < Some(OLDEST) && version("v100.0.0") > Some(OLDEST));
        assert_eq!(version("22"), None);
    }
}
