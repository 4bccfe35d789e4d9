//! The process of a temporary host: the binary itself, with none of the settings around it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::Pid;

use super::log_lines::{self, LogDisplay};
use crate::app::HeldChild;
use moothall_core::config::settings_in_environment;

/// The file that moves the host's clock.
pub const CLOCK: &str = "clock";

/// How long the host may take to say where it listens.
const START: Duration = Duration::from_secs(60);
/// How long the host has to finish by itself.
const PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(5);

/// The host, which ends when this is dropped. If this process is killed, it ends because its standard input does.
pub struct EndingProcess {
    child: Child,
    log: Option<JoinHandle<()>>,
    _held: HeldChild,
}

impl EndingProcess {
    /// Starts a host in this directory, with `moothall.toml` and the folder `plugins` there.
    pub fn start(directory: &Path, listen: &str, shown: LogDisplay) -> anyhow::Result<Self> {
        let mut child = command(directory, listen).spawn().context("the host cannot be started")?;
        let held = HeldChild::new(Pid::from_child(&child))?;
        let log = log_lines::show(child.stderr.take(), shown);
        Ok(Self { child, log, _held: held })
    }

    /// Where the host says that it listens.
    pub fn address(&mut self) -> anyhow::Result<String> {
        let said = first_line(self.child.stdout.take())?;
        let Ok(line) = said.recv_timeout(START) else {
            bail!("the host has not said in {} s where it listens", START.as_secs())
        };
        let line = line.context("the host cannot be heard")?;
        let url = line.trim_end().strip_prefix("listening on ");
        url.map(str::to_owned).context("the host does not start; it says above why")
    }

    /// How it has ended, if it has.
    pub fn ended(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(|status| status.to_string())
    }
}

impl Drop for EndingProcess {
    fn drop(&mut self) {
        // The end of its standard input ends the host, which writes the rest of its log.
        drop(self.child.stdin.take());
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && begun.elapsed() < PATIENCE {
            std::thread::sleep(POLL);
        }
        // One that has ended needs no signal.
        drop(self.child.kill());
        drop(self.child.wait());
        // The thread has nothing to say about its own end.
        drop(self.log.take().map(JoinHandle::join));
    }
}

/// Reads on a thread of its own, so that nobody waits for ever.
fn first_line(stdout: Option<ChildStdout>) -> anyhow::Result<Receiver<std::io::Result<String>>> {
    let (tell, said) = channel();
    let read = move || {
        let mut line = String::new();
        let read = stdout.map_or(Ok(0), |stdout| BufReader::new(stdout).read_line(&mut line));
        // Nobody may be waiting any more.
        tell.send(read.map(|_| line)).unwrap_or_default();
    };
    std::thread::Builder::new().name("first-line".to_owned()).spawn(read)?;
    Ok(said)
}

fn command(directory: &Path, listen: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    for name in settings_in_environment() {
        command.env_remove(name);
    }
    command.args(["serve", "--config", "moothall.toml", "--data", "data", "--plugins", "plugins"]);
    command.args(["--listen", listen, "--grant-requested", "--log-format", "json"]);
    command.arg("--end-with-stdin");
    command.env("MOOTHALL_TEST_CLOCK", directory.join(CLOCK));
    // What an operator should know of settings and machine means nothing to an author: this host chose the settings itself.
    command.env("RUST_LOG", "warn,moothall::app::started=error,guest=trace").current_dir(directory);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
