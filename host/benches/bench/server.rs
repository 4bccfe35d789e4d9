//! A server in a process of its own, which ends with the value. Must never outlive the benchmark.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::exchange::exchange;
use super::process;
use super::template::Template;

const LISTENING_WITHIN: Duration = Duration::from_mins(1);
/// The longest wait for the host to end; it gives calls in flight 25 s by default (`[http] drain_ms`).
const STOPPED_WITHIN: Duration = Duration::from_secs(40);
const POLL: Duration = Duration::from_millis(1);
const LOG_LINES_SHOWN: usize = 10;

#[derive(Debug)]
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    log: PathBuf,
    /// Kept open for the axum server, which ends when its input does.
    _stdin: Option<std::process::ChildStdin>,
}

impl Server {
    /// Starts it and waits for the line `listening on http://ADDRESS`.
    pub fn start(mut command: Command, log: &Path) -> Result<Self> {
        let file = File::options()
            .create(true)
            .append(true)
            .open(log)
            .context("cannot open a server's log")?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file);
        let mut child = command.spawn().context("cannot start a server")?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self { child, address: nowhere, log: log.to_owned(), _stdin: stdin };
        let line = first_line(stdout.context("the server's output is piped")?)
            .recv_timeout(LISTENING_WITHIN);
        let address =
            line.ok().and_then(|line| line.strip_prefix("listening on http://")?.parse().ok());
        server.address = address.with_context(|| {
            format!("a server does not say where it listens; {}", server.end_of_log())
        })?;
        Ok(server)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn await_ready(&mut self, within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        let question = Template::new("GET", "/readyz", "");
        while !exchange(self.address, &question).is_ok_and(|answer| answer.status == 200) {
            let ended = self.child.try_wait().context("cannot ask for a server's status")?;
            ensure!(ended.is_none(), "the host ended before it was ready; {}", self.end_of_log());
            ensure!(
                Instant::now() < deadline,
                "the host was not ready within {} s; {}",
                within.as_secs(),
                self.end_of_log()
            );
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Waits until the process uses less than a tenth of a core, or `within` has passed.
    pub fn await_idle(&self, within: Duration) -> Result<()> {
        const SAMPLE: Duration = Duration::from_millis(250);
        let deadline = Instant::now() + within;
        let mut before = process::cpu(self.pid())?;
        loop {
            thread::sleep(SAMPLE);
            let now = process::cpu(self.pid())?;
            if now.saturating_sub(before) < SAMPLE / 10 || Instant::now() > deadline {
                return Ok(());
            }
            before = now;
        }
    }

    /// Asks it to end and waits until it has, so that its files are final.
    pub fn stop(mut self) -> Result<()> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).context("cannot ask a server to end")?;
        let deadline = Instant::now() + STOPPED_WITHIN;
        while self.child.try_wait().context("cannot ask for a server's status")?.is_none() {
            ensure!(Instant::now() < deadline, "a server did not end; {}", self.end_of_log());
            thread::sleep(POLL);
        }
        Ok(())
    }

    fn end_of_log(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let end = lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n");
        format!("the end of its log:\n{end}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error does not matter: the process has ended, or is about to.
        if self.child.kill().is_ok() {
            let _ended = self.child.wait();
        }
    }
}

/// Goes on reading after the first line, so that a full pipe cannot block a server that writes
/// more.
fn first_line(stdout: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // Only the first line is waited for.
            let _unheard = sender.send(line);
        }
    });
    receiver
}
