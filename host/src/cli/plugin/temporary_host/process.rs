//! The process of a temporary host: the binary itself, with none of the settings around it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context;

use super::log_lines;
use moothall_core::config::settings_in_environment;

/// The file that moves the host's clock.
pub const CLOCK: &str = "clock";

/// The host, which ends when this is dropped. If this process is killed, it ends because its standard input does.
pub struct EndingProcess(Child);

impl EndingProcess {
    /// Starts a host in this directory, with `moothall.toml` and the folder `plugins` there.
    pub fn start(directory: &Path, listen: &str) -> anyhow::Result<Self> {
        let mut child = command(directory, listen).spawn().context("the host cannot be started")?;
        log_lines::show(child.stderr.take());
        Ok(Self(child))
    }

    /// Where the host says that it listens.
    pub fn address(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        if let Some(stdout) = self.0.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).context("the host cannot be heard")?;
        }
        let url = line.trim_end().strip_prefix("listening on ");
        url.map(str::to_owned).context("the host does not start; it says above why")
    }
}

impl Drop for EndingProcess {
    fn drop(&mut self) {
        // All that it has goes with it; one that has ended needs no signal.
        drop(self.0.kill());
        drop(self.0.wait());
    }
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
    command.env("RUST_LOG", "warn,guest=trace").current_dir(directory);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
