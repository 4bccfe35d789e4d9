//! An author of plugins at a shell: the binary in the path, cargo, and a folder for projects.
//!
//! The folder stays for the next run, at the same place, so that cargo builds an unchanged SDK once. Must never need a
//! network: cargo uses what this repository's own build has downloaded.

mod developing;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::command_line::{Ended, ended_within};
use crate::guests::host_binary;

pub use developing::Developing;

/// The longest that commands may take: the first time, cargo builds everything that the SDK depends on.
const PATIENCE: Duration = Duration::from_secs(900);
/// What a toolchain needs of the environment.
const OF_TOOLCHAIN: &[&str] = &["CARGO_HOME", "HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];

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
        fs::create_dir_all(&folder).expect("the target directory can be written");
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

    /// Starts `moothall plugin dev` in a folder, on a port that the system picks.
    pub fn dev(&self, below: &str) -> Developing {
        let mut command = Command::new(host_binary());
        command.args(["plugin", "dev", "--listen", "127.0.0.1:0"]);
        self.surround(&mut command, below);
        Developing::start(command)
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
        // What is built on the way is shared by all projects; the component is where it is for an author.
        command.env("CARGO_BUILD_BUILD_DIR", host_binary().with_file_name("authors-target"));
    }
}

/// The path of this process, after the folder of the binary.
#[expect(clippy::disallowed_methods, reason = "a toolchain is found by the environment")]
fn path() -> String {
    let folder = host_binary();
    let folder = folder.parent().map(Path::display).expect("a binary lies in a folder");
    format!("{folder}:{}", std::env::var("PATH").unwrap_or_default())
}
