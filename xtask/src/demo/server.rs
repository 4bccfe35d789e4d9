//! One host process: starts it, waits until it is ready, kills or stops it. It must never outlive
//! the demo, unless the demo leaves it running.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

const LISTENING_WITHIN: Duration = Duration::from_secs(60);
/// The longest wait until the host is ready: a debug build takes its time to compile all plugins.
const READY_WITHIN: Duration = Duration::from_secs(180);
/// The longest wait for the host to end; it gives calls in flight up to 30 s.
const STOPPED_WITHIN: Duration = Duration::from_secs(40);
const POLL: Duration = Duration::from_millis(20);
const LOG_LINES_SHOWN: usize = 20;

pub struct Server {
    child: Child,
    binary: PathBuf,
    directory: PathBuf,
    listen: SocketAddr,
}

/// The data directory of a host that is started in this directory.
pub fn data_directory(directory: &Path) -> PathBuf {
    directory.join("data")
}

impl Server {
    /// Starts the host and waits until it is ready.
    pub fn start(binary: &Path, directory: &Path, listen: SocketAddr) -> Result<Self> {
        let child = spawn(binary, directory, listen)?;
        let mut server =
            Self { child, binary: binary.to_owned(), directory: directory.to_owned(), listen };
        let started = server.await_listening().and_then(|()| server.await_ready());
        match started {
            Ok(()) => Ok(server),
            Err(error) => Err(anyhow!("{error:#}; {}", server.end_of_log())),
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.listen)
    }

    pub fn log(&self) -> PathBuf {
        log_of(&self.directory)
    }

    /// `kill -9`, then a new process on the same data and address.
    pub fn kill_and_restart(&mut self) -> Result<()> {
        self.child.kill().context("cannot kill the host")?;
        self.child.wait().context("cannot wait for the killed host")?;
        *self = Self::start(&self.binary, &self.directory, self.listen)?;
        Ok(())
    }

    /// Asks the host to end (SIGTERM), and checks that it does, with exit code 0.
    pub fn stop(mut self) -> Result<()> {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        ensure!(
            asked.context("cannot start `kill`")?.success(),
            "`kill -TERM` could not reach the host"
        );
        let status = self.await_end()?;
        ensure!(
            status.success(),
            "the host ended with {status} after SIGTERM; {}",
            self.end_of_log()
        );
        Ok(())
    }

    /// Waits until somebody ends the host, for example by Ctrl-C.
    pub fn wait(&mut self) -> Result<()> {
        let status = self.child.wait().context("cannot wait for the host")?;
        ensure!(status.success(), "the host ended with {status}; {}", self.end_of_log());
        Ok(())
    }

    fn await_listening(&mut self) -> Result<()> {
        let stdout = self.child.stdout.take().context("the host's output is piped")?;
        let line = match first_line(stdout).recv_timeout(LISTENING_WITHIN) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => bail!("the host ended before it listened"),
            Err(RecvTimeoutError::Timeout) => bail!("the host does not say where it listens"),
        };
        let address = line.strip_prefix("listening on http://");
        self.listen = address.and_then(|address| address.parse().ok()).with_context(|| {
            format!("the host's first line is `{line}`, not `listening on http://ADDR`")
        })?;
        Ok(())
    }

    fn await_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        let url = format!("{}/readyz", self.url());
        let agent = super::exchange::agent();
        while !agent.get(&url).call().is_ok_and(|answer| answer.status() == 200) {
            if let Some(status) =
                self.child.try_wait().context("cannot ask for the host's status")?
            {
                bail!("the host ended with {status} before it was ready");
            }
            ensure!(
                Instant::now() < deadline,
                "the host was not ready within {} s",
                READY_WITHIN.as_secs()
            );
            thread::sleep(POLL);
        }
        Ok(())
    }

    fn await_end(&mut self) -> Result<ExitStatus> {
        let deadline = Instant::now() + STOPPED_WITHIN;
        loop {
            if let Some(status) =
                self.child.try_wait().context("cannot ask for the host's status")?
            {
                return Ok(status);
            }
            ensure!(
                Instant::now() < deadline,
                "the host did not end within {} s after SIGTERM",
                STOPPED_WITHIN.as_secs()
            );
            thread::sleep(POLL);
        }
    }

    fn end_of_log(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let end = lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n");
        format!("the end of its log, {}:\n{end}\n", self.log().display())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if the process has ended already.
        if self.child.kill().is_ok() {
            let _ended = self.child.wait();
        }
    }
}

fn log_of(directory: &Path) -> PathBuf {
    directory.join("host.log")
}

fn spawn(binary: &Path, directory: &Path, listen: SocketAddr) -> Result<Child> {
    let log = File::options()
        .create(true)
        .append(true)
        .open(log_of(directory))
        .context("cannot open the host's log")?;
    let mut command = Command::new(binary);
    command
        .args(["serve", "--grant-requested", "--listen", &listen.to_string(), "--data"])
        .arg(data_directory(directory));
    // There is no `moothall.toml` and no `.env` here, and no variable gets in, so that the demo is
    // the same for everybody.
    command.current_dir(directory);
    for name in host_variables() {
        command.env_remove(name);
    }
    let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn();
    started.with_context(|| format!("cannot start {}", binary.display()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "removes the variables that the host's configuration would read"
)]
fn host_variables() -> Vec<std::ffi::OsString> {
    let is_ours = |name: &str| {
        name.starts_with("MOOTHALL_") || name == "DRIVER_EVENT_RECEIVER_URL" || name == "RUST_LOG"
    };
    std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| name.to_str().is_some_and(is_ours))
        .collect()
}

/// Goes on reading after the first line, so that a full pipe cannot block a host that writes more.
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
