//! A file whose `open` blocks, as on a mount whose server is gone: another process has a lease on
//! it.
//!
//! The kernel breaks a lease after somebody has waited for `/proc/sys/fs/lease-break-time`, 45
//! seconds.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Holds the lease until standard input ends; meanwhile, whoever opens the file waits.
const HOLD: &str = "
import fcntl, os, signal, sys
signal.signal(signal.SIGIO, signal.SIG_IGN)
fcntl.fcntl(os.open(sys.argv[1], os.O_RDWR), fcntl.F_SETLEASE, fcntl.F_WRLCK)
print('held', flush=True)
sys.stdin.read()
";

/// Holds the lease until it is dropped.
pub struct Leased(Child);

impl Leased {
    /// The file must be ours, and open nowhere.
    pub fn new(file: &Path) -> Self {
        let mut python = Command::new("python3");
        let command = python.args(["-c", HOLD]).arg(file);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("these tests need python3");
        let stdout = child.stdout.take().expect("standard output is piped");
        let said = BufReader::new(stdout).lines().next();
        assert_eq!(said.and_then(Result::ok).as_deref(), Some("held"), "{}", file.display());
        Self(child)
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
