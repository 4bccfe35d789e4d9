//! A process that the table needs: this program again, which reads its task from standard input and
//! reports on standard output. Must never outlive the value.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde::de::DeserializeOwned;

#[derive(Debug)]
pub struct HelperProcess {
    name: &'static str,
    child: Child,
}

/// This program as one of its helpers. Without environment: a variable such as `RUST_BACKTRACE`
/// changes what calls cost.
pub fn this_program(helper: &str) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("cannot find this program")?);
    command.arg(helper).env_clear();
    Ok(command)
}

impl HelperProcess {
    pub fn start(name: &'static str, task: &impl Serialize) -> Result<Self> {
        let mut command = this_program(name)?;
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process =
            Self { name, child: started.with_context(|| format!("cannot start `{name}`"))? };
        let mut stdin = process.child.stdin.take().context("its input is piped")?;
        let sent = stdin.write_all(&serde_json::to_vec(task)?);
        sent.with_context(|| format!("cannot send `{name}` its task"))?;
        Ok(process)
    }

    /// Waits for its end.
    pub fn report<T: DeserializeOwned>(mut self) -> Result<T> {
        let mut report = String::new();
        let mut stdout = self.child.stdout.take().context("its output is piped")?;
        stdout
            .read_to_string(&mut report)
            .with_context(|| format!("cannot read the report of `{}`", self.name))?;
        let status =
            self.child.wait().with_context(|| format!("cannot wait for `{}`", self.name))?;
        ensure!(status.success(), "`{}` failed; its reason stands above", self.name);
        serde_json::from_str(&report)
            .with_context(|| format!("what `{}` wrote is no report", self.name))
    }

    /// Fails if it has ended already.
    pub fn is_running(&mut self) -> Result<()> {
        let ended = self
            .child
            .try_wait()
            .with_context(|| format!("cannot ask for the status of `{}`", self.name))?;
        ensure!(ended.is_none(), "`{}` ended early; its reason stands above", self.name);
        Ok(())
    }
}

impl Drop for HelperProcess {
    fn drop(&mut self) {
        // Both fail only if the process has ended already.
        if self.child.kill().is_ok() {
            let _ended = self.child.wait();
        }
    }
}

/// In the other process: reads the task.
pub fn task<T: DeserializeOwned>() -> Result<T> {
    serde_json::from_reader(std::io::stdin()).context("cannot read what to do")
}

/// In the other process: reports the result.
pub fn report(report: &impl Serialize) -> Result<()> {
    std::io::stdout().write_all(&serde_json::to_vec(report)?).context("cannot report")
}
