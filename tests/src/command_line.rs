//! The binary's commands that end by themselves, and what they say.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::process::moothall;

const PATIENCE: Duration = Duration::from_secs(40);
const PAUSE: Duration = Duration::from_millis(2);

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// What was on stdout, of a command that must have succeeded.
    #[track_caller]
    pub fn succeeded(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.stdout
    }

    /// What was on stderr, of a command that must have failed so.
    #[track_caller]
    pub fn failed_with(self, code: i32) -> String {
        assert_eq!(self.code, code, "{self:?}");
        assert_eq!(self.stdout, "", "a failure is told on stderr alone");
        assert!(!self.stderr.trim().is_empty(), "a failure without a word");
        self.stderr
    }
}

/// Runs `moothall <arguments>` to its end.
pub fn command(working_directory: &Path, arguments: &[&str]) -> Ended {
    let mut command = moothall(working_directory);
    command.args(arguments);
    ended(command)
}

/// Runs any command to its end.
pub fn ended(mut command: Command) -> Ended {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    let begin = Instant::now();
    while child.try_wait().expect("a child can be waited for").is_none() {
        if begin.elapsed() > PATIENCE {
            // The output then shows what it was doing.
            drop(child.kill());
        }
        std::thread::sleep(PAUSE);
    }
    let output = child.wait_with_output().expect("a child that has ended");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = output.status.code().unwrap_or(-1);
    Ended { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
}
