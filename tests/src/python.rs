//! Reference libraries of others, which are Python's: installed once under `target/python`, run on what
//! the host sent.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// What is installed, in these versions.
const PACKAGES: [&str; 2] = ["standardwebhooks==1.1.0", "openapi-spec-validator==0.9.0"];
/// Two tests must not install at once.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Runs a program of the environment on `input`; what it said, if it did not end well.
pub fn run(program: &str, arguments: &[&Path], input: &str) -> Result<(), String> {
    let bin = environment().join("bin").join(program);
    let mut child = Command::new(bin)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a program of the environment");
    let mut stdin = child.stdin.take().expect("standard input is piped");
    stdin.write_all(input.as_bytes()).expect("it reads its input");
    drop(stdin);
    let ended = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
    if ended.status.success() { Ok(()) } else { Err(said) }
}

/// The environment, made if it is not there.
fn environment() -> PathBuf {
    let _one = INSTALLING.lock();
    let target = crate::guests::host_binary();
    let target = target.ancestors().nth(2).expect("target/debug/moothall").to_owned();
    let (folder, done) = (target.join("python"), target.join("python/installed"));
    if std::fs::read_to_string(&done).is_ok_and(|text| text == PACKAGES.join(" ")) {
        return folder;
    }
    let need = "these tests need python3 with its module venv, and PyPI";
    let made = Command::new("python3").args(["-m", "venv"]).arg(&folder).status();
    assert!(made.is_ok_and(|status| status.success()), "{need}");
    let mut pip = Command::new(folder.join("bin/pip"));
    let installed = pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES);
    assert!(installed.status().is_ok_and(|status| status.success()), "{need}");
    std::fs::write(done, PACKAGES.join(" ")).expect("a note that it is installed");
    folder
}
