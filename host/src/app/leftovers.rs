//! What a command makes outside of the folder that it works in, and leaves to nobody: temporary directories and child
//! processes. They go when the command ends, also when SIGINT, SIGTERM or SIGHUP ends it.
//!
//! Only commands for authors use it; `serve` handles its signals itself.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// A process has one set of signal handlers, so there is one list of what they clear away.
static HELD: Mutex<Held> = Mutex::new(Held {
    directories: Vec::new(),
    children: Vec::new(),
    told: None,
    is_listening: false,
});
/// A child that is being killed may still write into its directory: how often it is removed again.
const REMOVALS: u32 = 20;
const BETWEEN: Duration = Duration::from_millis(10);
/// A shell's exit code for a process that signal n has ended is this and n.
const BY_SIGNAL: i32 = 128;

type Told = Box<dyn FnOnce() + Send>;

struct Held {
    directories: Vec<PathBuf>,
    children: Vec<Pid>,
    /// Who is told of the first signal, in place of an end at once.
    told: Option<Told>,
    is_listening: bool,
}

/// A temporary directory that goes with this value, or with the process.
pub struct Scratch(TempDir);

impl Scratch {
    pub fn new() -> anyhow::Result<Self> {
        listen()?;
        // Before it is there, no signal can forget it.
        let mut held = held();
        let directory = tempfile::Builder::new().prefix("moothall-").tempdir();
        let directory = directory.context("there is no place for a temporary directory")?;
        held.directories.push(directory.path().to_owned());
        Ok(Self(directory))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The directory's own value says nothing about a second removal.
        drop(std::fs::remove_dir_all(self.0.path()));
        held().directories.retain(|directory| directory != self.0.path());
    }
}

/// A child process that a signal to this one kills. Whoever drops this value has waited for the child.
pub struct HeldChild(Pid);

impl HeldChild {
    pub fn new(child: Pid) -> anyhow::Result<Self> {
        listen()?;
        held().children.push(child);
        Ok(Self(child))
    }
}

impl Drop for HeldChild {
    fn drop(&mut self) {
        held().children.retain(|child| *child != self.0);
    }
}

/// Has the first signal told, so that the command ends by itself; the second ends it at once.
pub fn tell_of_first_signal(told: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    listen()?;
    held().told = Some(Box::new(told));
    Ok(())
}

fn held() -> MutexGuard<'static, Held> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins to handle signals, once.
fn listen() -> anyhow::Result<()> {
    let mut held = held();
    if held.is_listening {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    // Registered here, so that none is missed once this has returned.
    let signals = runtime
        .block_on(async { kinds.map(signal).into_iter().collect::<std::io::Result<Vec<_>>>() })?;
    let wait = move || wait(&runtime, signals);
    std::thread::Builder::new().name("signals".to_owned()).spawn(wait)?;
    held.is_listening = true;
    Ok(())
}

fn wait(runtime: &Runtime, mut signals: Vec<tokio::signal::unix::Signal>) {
    loop {
        let Some(number) = runtime.block_on(first(&mut signals)) else { return };
        // The lock is not held below.
        let told = held().told.take();
        match told {
            Some(told) => told(),
            None => clear_and_exit(number),
        }
    }
}

/// The number of the next signal.
async fn first(signals: &mut [tokio::signal::unix::Signal]) -> Option<i32> {
    let [interrupt, terminate, hangup] = signals else { return None };
    tokio::select! {
        _ = interrupt.recv() => Some(SignalKind::interrupt().as_raw_value()),
        _ = terminate.recv() => Some(SignalKind::terminate().as_raw_value()),
        _ = hangup.recv() => Some(SignalKind::hangup().as_raw_value()),
    }
}

fn clear_and_exit(number: i32) -> ! {
    // Held to the end: nothing new can be made meanwhile.
    let held = held();
    for child in &held.children {
        // It may have ended.
        kill_process(*child, Signal::KILL).unwrap_or_default();
    }
    held.directories.iter().for_each(|directory| remove(directory));
    std::process::exit(BY_SIGNAL + number)
}

fn remove(directory: &Path) {
    for _ in 0..REMOVALS {
        if std::fs::remove_dir_all(directory).is_ok() || !directory.exists() {
            return;
        }
        std::thread::sleep(BETWEEN);
    }
}
