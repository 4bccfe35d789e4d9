//! Shows on standard error what takes longer than a second: a spinner on a terminal, a plain line elsewhere.

use std::io::IsTerminal;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::ProgressBar;

use crate::cli::answer::note;

/// What ends within this time is not shown.
const SILENCE: Duration = Duration::from_secs(1);
/// How often the spinner turns.
const TURN: Duration = Duration::from_millis(100);

/// Work that is shown until this is dropped.
pub struct Progress {
    ended: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Without a thread there is no progress to see, and the work goes on all the same.
    pub fn of(work: &str) -> Self {
        let (ended, end) = channel::<()>();
        let work = work.to_owned();
        let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(move || {
            if end.recv_timeout(SILENCE) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let shown = Shown::begin(&work);
            // Nothing is ever sent: this waits for the sender to be dropped.
            end.recv().unwrap_or_default();
            shown.end();
        });
        Self { ended: Some(ended), thread: thread.ok() }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.ended.take());
        if let Some(thread) = self.thread.take() {
            // The thread has nothing to say about its own end.
            drop(thread.join());
        }
    }
}

enum Shown {
    Spinner(ProgressBar),
    Line,
}

impl Shown {
    fn begin(work: &str) -> Self {
        if std::io::stderr().is_terminal() {
            let spinner = ProgressBar::new_spinner().with_message(format!("{work} …"));
            spinner.enable_steady_tick(TURN);
            return Self::Spinner(spinner);
        }
        note(&format!("{work} …"));
        Self::Line
    }

    fn end(self) {
        if let Self::Spinner(spinner) = self {
            spinner.finish_and_clear();
        }
    }
}
