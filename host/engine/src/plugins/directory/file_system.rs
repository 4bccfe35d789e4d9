//! Calls of the file system that may block for ever, as on a mount whose server is gone. Each runs on a thread of its own
//! and is waited for only so long. One that goes on blocking keeps its thread; if it answers later, the next one who asks
//! the same gets that answer.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::oneshot::{self, Receiver};
use tokio::time::{Instant, timeout_at};

use super::stamp::FileStamp;
use moothall_core::config::DirectoryConfig;

/// Stack of such a thread, which does little but call the file system.
const STACK_BYTES: usize = 256 << 10;

/// A question to the file system. A file with another stamp is another question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    List,
    Follow(String, FileStamp),
    Read(String, FileStamp),
    /// Something that nobody asks again.
    Once,
}

impl Asked {
    /// None if it does not concern one file.
    fn file(&self) -> Option<&str> {
        match self {
            Self::Follow(file, _) | Self::Read(file, _) => Some(file),
            Self::List | Self::Once => None,
        }
    }

    /// Whether `other` asks the same of a newer version of the file.
    fn is_outdated_by(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Follow(file, stamp), Self::Follow(same, now))
            | (Self::Read(file, stamp), Self::Read(same, now)) => file == same && stamp != now,
            _ => false,
        }
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocked {
    Slow,
    /// Too many other calls block already.
    Others,
}

pub struct FileSystem {
    wait: Duration,
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Threads that are still running.
    threads: Vec<Weak<()>>,
    /// Questions whose answer did not come in time.
    late: Vec<(Asked, LateAnswer)>,
}

type LateAnswer = Receiver<Box<dyn Any + Send>>;

impl FileSystem {
    pub fn new(config: &DirectoryConfig) -> Self {
        Self {
            wait: Duration::from_millis(config.read_ms.max(1)),
            most: config.blocked_reads.max(1),
            state: Mutex::default(),
        }
    }

    /// When whatever is asked now is waited for no longer.
    pub fn end(&self) -> Instant {
        Instant::now() + self.wait
    }

    /// Runs `work` and returns its answer, if it comes until then. If the same was asked before in vain, the late answer is
    /// taken if it is there by now, and is not waited for.
    pub async fn ask<T: Send + 'static>(
        &self,
        asked: Asked,
        until: Instant,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Blocked> {
        let (mut answer, until) = match self.late(&asked) {
            Some(answer) => (answer, Instant::now()),
            None => (self.begin(work)?, until),
        };
        match timeout_at(until, &mut answer).await {
            Ok(Ok(answer)) => answer.downcast().map(|answer| *answer).map_err(|_| Blocked::Slow),
            // The thread panicked; the log says why.
            Ok(Err(_)) => Err(Blocked::Slow),
            Err(_) => {
                if asked != Asked::Once {
                    self.state().late.push((asked, answer));
                }
                Err(Blocked::Slow)
            }
        }
    }

    /// Forgets questions about files that are gone.
    pub fn forget(&self, is_gone: impl Fn(&str) -> bool) {
        self.state().late.retain(|(asked, _)| !asked.file().is_some_and(&is_gone));
    }

    fn late(&self, asked: &Asked) -> Option<LateAnswer> {
        let mut state = self.state();
        state.late.retain(|(other, _)| !other.is_outdated_by(asked));
        let at = state.late.iter().position(|(other, _)| other == asked)?;
        Some(state.late.swap_remove(at).1)
    }

    fn begin<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<LateAnswer, Blocked> {
        let lives = self.enter()?;
        let (done, answer) = oneshot::channel::<Box<dyn Any + Send>>();
        let thread = std::thread::Builder::new().name("plugin file".to_owned());
        let thread = thread.stack_size(STACK_BYTES).spawn(move || {
            let answer = work();
            drop(lives);
            // Whoever asked may have gone.
            drop(done.send(Box::new(answer)));
        });
        thread.map(|_| answer).map_err(|error| {
            tracing::error!(%error, "there is no thread to read plugin files on");
            Blocked::Others
        })
    }

    /// Held by a new thread as long as it runs.
    fn enter(&self) -> Result<Arc<()>, Blocked> {
        let mut state = self.state();
        state.threads.retain(|lives| lives.strong_count() > 0);
        if state.threads.len() >= self.most {
            return Err(Blocked::Others);
        }
        let lives = Arc::default();
        state.threads.push(Arc::downgrade(&lives));
        Ok(lives)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn file_system(blocked_reads: usize) -> FileSystem {
        FileSystem::new(&DirectoryConfig { read_ms: 20, blocked_reads, ..Default::default() })
    }

    #[tokio::test]
    async fn what_blocks_is_not_begun_again_others_are_and_its_late_answer_counts() {
        let file_system = file_system(2);
        let (go, wait) = mpsc::channel::<()>();
        let blocks = move || wait.recv().is_ok();
        assert_eq!(
            file_system.ask(Asked::List, file_system.end(), blocks).await,
            Err(Blocked::Slow)
        );
        let again =
            file_system.ask(Asked::List, file_system.end(), || panic!("it was begun again"));
        assert_eq!(again.await, Err::<bool, _>(Blocked::Slow));
        let far = Instant::now() + Duration::from_secs(60);
        assert_eq!(file_system.ask(Asked::Once, far, || 7).await, Ok(7));
        go.send(()).expect("it waits for that");
        let late = loop {
            if let Ok(late) = file_system.ask(Asked::List, far, || false).await {
                break late;
            }
            tokio::task::yield_now().await;
        };
        assert!(late, "it was begun again");
    }

    #[tokio::test]
    async fn no_more_threads_block_than_may() {
        let file_system = file_system(1);
        let (_go, wait) = mpsc::channel::<()>();
        let blocks = move || wait.recv().is_ok();
        assert_eq!(
            file_system.ask(Asked::Once, file_system.end(), blocks).await,
            Err(Blocked::Slow)
        );
        let other = file_system.ask(Asked::List, file_system.end(), || true);
        assert_eq!(other.await, Err(Blocked::Others));
    }
}
