//! The binary's commands that end by themselves, and what they say.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::process::moothall;

const PATIENCE: Duration = Duration::from_secs(120);
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
pub fn ended(command: Command) -> Ended {
    ended_within(PATIENCE, command)
}

/// Runs a command that may take so long to its end.
pub fn ended_within(patience: Duration, mut command: Command) -> Ended {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    // Read meanwhile: a command that says much would wait for its reader.
    let (stdout, stderr) = (read(child.stdout.take()), read(child.stderr.take()));
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break status;
        }
        if begin.elapsed() > patience {
            // The output then shows what it was doing.
            drop(child.kill());
        }
        std::thread::sleep(PAUSE);
    };
    let text = |reader: JoinHandle<String>| reader.join().expect("a pipe can be read");
    Ended { code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
}

fn read(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.expect("it is piped").read_to_end(&mut bytes).expect("a pipe can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
