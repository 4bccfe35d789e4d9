//! The host as a child process. Must never outlive the test that started it.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};

use crate::guests::host_binary;

const START: Duration = Duration::from_secs(60);
/// The longest wait for the host to end, longer than `drain_ms`.
const END: Duration = Duration::from_secs(40);
const PAUSE: Duration = Duration::from_millis(2);

/// A host that listens.
pub struct HostProcess {
    child: Child,
    pub url: String,
    stdout: Option<JoinHandle<Vec<String>>>,
}

/// The binary, with nothing of this process's environment.
pub fn moothall(working_directory: &Path) -> Command {
    let mut command = Command::new(host_binary());
    command.env_clear().current_dir(working_directory).stdin(Stdio::null());
    command
}

/// The same, started by a shell that first runs this and then becomes the host.
pub fn moothall_after(before: &str, working_directory: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("{before} && exec \"$0\" \"$@\"")]).arg(host_binary());
    command.env_clear().current_dir(working_directory).stdin(Stdio::null());
    command
}

impl HostProcess {
    /// Starts `serve` and reads where it listens; appends its log to `log`.
    pub fn start(mut command: Command, log: &Path) -> Self {
        let log = OpenOptions::new().create(true).append(true).open(log).expect("a log file");
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("a host");
        let (found, first) = channel();
        let stdout = child.stdout.take().expect("standard output is piped");
        let stdout = std::thread::spawn(move || read(stdout, found));
        let mut started = Self { child, url: String::new(), stdout: Some(stdout) };
        started.url = started.address(&first);
        started
    }

    fn address(&self, first: &Receiver<String>) -> String {
        let line = first.recv_timeout(START).expect("the host says on stdout where it listens");
        let address = line.strip_prefix("listening on ").map(str::to_owned);
        address.unwrap_or_else(|| panic!("the first line on stdout was '{line}'"))
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the host is there to get signals");
    }

    /// Limits the size of its files.
    pub fn limit_files(&self, bytes: u64) {
        let limit = Rlimit { current: Some(bytes), maximum: None };
        let pid = Pid::from_child(&self.child);
        prlimit(Some(pid), Resource::Fsize, limit).expect("a child can be limited");
    }

    pub fn kill(&mut self) {
        // A process that has ended already needs no signal.
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Waits for the process to end by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status;
            }
            assert!(begin.elapsed() < END, "the host did not end within {END:?}");
            std::thread::sleep(PAUSE);
        }
    }

    /// The stdout of a host that has ended.
    pub fn stdout(&mut self) -> Vec<String> {
        let reader = self.stdout.take();
        reader.map(|reader| reader.join().expect("stdout is text")).unwrap_or_default()
    }

    /// Its child processes now, which compile plugin files.
    pub fn children(&self) -> Vec<u32> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id()));
        let tasks = tasks.expect("the host is there").filter_map(Result::ok);
        // A thread may have ended meanwhile.
        let of_task = |task: std::fs::DirEntry| {
            std::fs::read_to_string(task.path().join("children")).unwrap_or_default()
        };
        let all: Vec<String> = tasks.map(of_task).collect();
        all.iter().flat_map(|ids| ids.split_whitespace()).filter_map(|id| id.parse().ok()).collect()
    }

    /// From now on it gets only descriptors below this number; those that it has stay.
    pub fn limit_descriptors(&self, from: u64) {
        let maximum = getrlimit(Resource::Nofile).maximum;
        let limit = Rlimit { current: Some(from), maximum };
        let pid = Pid::from_child(&self.child);
        prlimit(Some(pid), Resource::Nofile, limit).expect("the host is there to be limited");
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// The most resident memory that it had since it began, in bytes.
    pub fn peak_memory(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    fn status_bytes(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("the host is there");
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kib.expect("Linux says how much memory a process has") << 10
    }
}

impl Drop for HostProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reads all lines to the end; sends the first one at once to whoever waits for it.
fn read(stdout: ChildStdout, found: Sender<String>) -> Vec<String> {
    let lines = BufReader::new(stdout).lines().map_while(Result::ok);
    lines
        .inspect(|line| {
            // Nobody waits for more than the first.
            drop(found.send(line.clone()));
        })
        .collect()
}
