//! `moothall plugin dev`, or another command that runs for a while. Must never outlive the test that started it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process};

use crate::until_within;
use std::time::Duration;

/// The longest wait: a build, the first of which builds everything.
const PATIENCE: Duration = Duration::from_secs(900);

#[derive(Debug)]
pub struct Developing {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Developing {
    pub(super) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let said = Arc::default();
        collect(child.stdout.take(), &said);
        collect(child.stderr.take(), &said);
        Self { child, said }
    }

    /// Everything that it said, on both outputs.
    pub fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it has said this so many times; returns all that it said.
    pub async fn says(&self, what: &str, times: usize) -> String {
        until_within(PATIENCE, what, async || {
            let said = self.said();
            (said.matches(what).count() >= times).then_some(said)
        })
        .await
    }

    /// Sends SIGTERM, and waits for its end; returns the exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.ended()
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// The same, if it has not ended.
    pub fn interrupt_if_there(&mut self) {
        if self.has_ended().is_none() {
            self.interrupt();
        }
    }

    /// The exit code, if it has ended.
    pub fn has_ended(&mut self) -> Option<Option<i32>> {
        self.child.try_wait().expect("a child can be waited for").map(|status| status.code())
    }

    /// Waits for its end; returns the exit code.
    pub fn ended(&mut self) -> Option<i32> {
        self.child.wait().expect("a child can be waited for").code()
    }

    /// Kills the host that it has started.
    pub fn kill_host(&self) {
        let id = self.child.id();
        let children = format!("/proc/{id}/task/{id}/children");
        let children = std::fs::read_to_string(children).expect("the kernel lists children");
        let host = children.split_whitespace().last().expect("it has a host").parse().ok();
        let host = host.and_then(Pid::from_raw).expect("a process");
        kill_process(host, Signal::KILL).expect("it is there");
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it is there");
    }

    /// Kills it in the middle of whatever it does.
    pub fn kill_9(&mut self) {
        self.child.kill().expect("it is there");
        self.child.wait().expect("a child can be waited for");
    }
}

impl Drop for Developing {
    fn drop(&mut self) {
        // It may have ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn collect(pipe: Option<impl Read + Send + 'static>, said: &Arc<Mutex<String>>) {
    let (pipe, said) = (pipe.expect("it is piped"), said.clone());
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            said.push_str(&line);
            said.push('\n');
        }
    });
}
