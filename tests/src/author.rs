//! An author of plugins at a shell: the binary in the path, the tools of a language, and a folder for projects.
//!
//! The folder stays for the next run, at the same place, so that cargo builds an unchanged SDK once. Cargo must never need
//! a network: it uses what this repository's own build has downloaded. Python and npm install from their registries.

mod developing;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::command_line::{Ended, ended_within};
use crate::guests::host_binary;
use crate::node;

pub use developing::Developing;

/// The longest that commands may take: the first time, cargo builds everything that the SDK depends on.
const PATIENCE: Duration = Duration::from_secs(900);
const PAUSE: Duration = Duration::from_millis(2);
/// What a toolchain needs of the environment, and how it reaches a registry.
const OF_TOOLCHAIN: &[&str] = &[
    "CARGO_HOME",
    "HOME",
    "HTTPS_PROXY",
    "NODE_EXTRA_CA_CERTS",
    "NO_PROXY",
    "PIP_CERT",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
];
/// The author's folder for temporary files.
const TEMPORARY: &str = "temporary";

#[derive(Debug)]
pub struct Author {
    folder: PathBuf,
}

impl Author {
    /// An author whose folder is empty but for what cargo built before.
    pub fn new(name: &str) -> Self {
        let folder = host_binary().with_file_name("authors").join(name);
        // It is not there at first.
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(folder.join(TEMPORARY)).expect("the target directory can be written");
        // Without it rustfmt would find this repository's settings.
        fs::write(folder.join("rustfmt.toml"), "").expect("the folder can be written");
        Self { folder }
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.join(below)
    }

    pub fn read(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).unwrap_or_else(|error| panic!("{below}: {error}"))
    }

    pub fn write(&self, below: &str, text: &str) {
        fs::write(self.path(below), text).unwrap_or_else(|error| panic!("{below}: {error}"));
    }

    /// Runs lines in a folder, as a shell does, up to the first that fails.
    pub fn shell(&self, below: &str, lines: &str) -> Ended {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-e", "-c", lines]);
        self.run(shell, below)
    }

    /// `moothall plugin <arguments>` in a folder.
    pub fn plugin(&self, below: &str, arguments: &[&str]) -> Ended {
        let mut command = Command::new(host_binary());
        command.arg("plugin").args(arguments);
        self.run(command, below)
    }

    /// The same where there are no tools: the path leads nowhere.
    pub fn plugin_without_tools(&self, below: &str, arguments: &[&str]) -> Ended {
        let mut command = Command::new(host_binary());
        command.arg("plugin").args(arguments);
        self.surround(&mut command, below);
        command.env("PATH", self.path("nowhere"));
        ended_within(PATIENCE, command)
    }

    /// Starts `moothall plugin dev` in a folder, on a port that the system picks.
    pub fn dev(&self, below: &str) -> Developing {
        self.dev_with(below, &[])
    }

    /// The same with more arguments.
    pub fn dev_with(&self, below: &str, more: &[&str]) -> Developing {
        self.begin(below, &[&["dev", "--listen", "127.0.0.1:0"], more].concat())
    }

    /// Starts `moothall plugin <arguments>` in a folder.
    pub fn begin(&self, below: &str, arguments: &[&str]) -> Developing {
        let mut command = Command::new(host_binary());
        command.arg("plugin").args(arguments);
        self.surround(&mut command, below);
        Developing::start(command)
    }

    /// Waits until a command has made this in a temporary folder.
    pub fn await_temporary(&self, below: &str) {
        let begun = Instant::now();
        while !self.temporary().iter().any(|folder| folder.join(below).exists()) {
            assert!(begun.elapsed() < PATIENCE, "no temporary folder has {below}");
            std::thread::sleep(PAUSE);
        }
    }

    /// The temporary folders that a command has left, or has not removed yet. Those of cargo are not ours.
    pub fn temporary(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path(TEMPORARY)).expect("the folder is there");
        let ours =
            |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with("moothall");
        entries.flatten().filter(ours).map(|entry| entry.path()).collect()
    }

    fn run(&self, mut command: Command, below: &str) -> Ended {
        self.surround(&mut command, below);
        ended_within(PATIENCE, command)
    }

    #[expect(clippy::disallowed_methods, reason = "a toolchain is found by the environment")]
    fn surround(&self, command: &mut Command, below: &str) {
        command.env_clear().current_dir(self.path(below)).stdin(Stdio::null());
        command.envs(OF_TOOLCHAIN.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.env("PATH", path()).env("CARGO_NET_OFFLINE", "true");
        command.env("TMPDIR", self.path(TEMPORARY));
        // What is built on the way is shared by all projects; the component is where it is for an author.
        command.env("CARGO_BUILD_BUILD_DIR", host_binary().with_file_name("authors-target"));
    }
}

/// The path of this process, after the folders of the binary and of Node.js.
#[expect(clippy::disallowed_methods, reason = "a toolchain is found by the environment")]
fn path() -> String {
    let folder = host_binary();
    let folder = folder.parent().map(Path::display).expect("a binary lies in a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    match cfg!(feature = "languages") {
        true => format!("{folder}:{}:{path}", node_programs().display()),
        false => format!("{folder}:{path}"),
    }
}

/// A folder with `node` and `npm` of the pinned version, whose package has npm only as a module.
fn node_programs() -> PathBuf {
    static WRITING: Mutex<()> = Mutex::new(());
    let _one = WRITING.lock();
    let folder = host_binary().with_file_name("authors-node");
    let node = node::folder();
    let (program, npm) = (node.join("bin/node"), node.join("lib/node_modules/npm/bin/npm-cli.js"));
    fs::create_dir_all(&folder).expect("the target directory can be written");
    for (name, script) in [
        ("node", format!("#!/bin/sh\nexec '{}' \"$@\"\n", program.display())),
        ("npm", format!("#!/bin/sh\nexec '{}' '{}' \"$@\"\n", program.display(), npm.display())),
    ] {
        // In one step: another test may be starting it.
        let next = folder.join(format!("{name}.{}", std::process::id()));
        fs::write(&next, script).expect("the folder can be written");
        fs::set_permissions(&next, fs::Permissions::from_mode(0o755)).expect("it is ours");
        fs::rename(&next, folder.join(name)).expect("a file can be moved");
    }
    folder
}
