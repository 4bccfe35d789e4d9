//! A write in the writer's queue: the statements that it runs, and whom it answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use tokio::sync::oneshot;

use super::AfterWrite;
use super::connection::Tx;
use crate::StoreError;
use moothall_core::chain::Link;

/// The names of writes that make room begin so.
const PURGE: &str = "purge.";

/// A queued write, with a result of any type.
pub struct Job {
    pub(super) write: Box<dyn Write>,
    pub(super) queued: Instant,
    /// About how many bytes it stores.
    pub(super) bytes: usize,
    /// It is committed by itself: it makes room, and a full disk that another write meets must not undo that.
    pub(super) is_alone: bool,
    /// Its place among the writes of an instance of which each may rest on those before it.
    link: Option<Link>,
}

/// Decides a race: either the writer begins the write, or the caller gives it up. Clones share it.
#[derive(Clone, Default)]
pub struct Claim(Arc<AtomicU8>);

const BEGUN: u8 = 1;
const GIVEN_UP: u8 = 2;

impl Claim {
    fn take(&self, by: u8) -> bool {
        self.0.compare_exchange(0, by, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// True: the write will never be stored. False: the writer has begun it.
    pub fn give_up(&self) -> bool {
        self.take(GIVEN_UP)
    }
}

/// The callback after a write panicked: what is in memory may differ from what is stored.
pub(super) struct Panicked(pub &'static str);

pub(super) trait Write: Send {
    fn claim(&self) -> Claim;
    /// Runs the statements and keeps their result.
    fn run(&mut self, tx: Tx<'_>) -> Result<(), StoreError>;
    /// Releases what the write holds, then answers it.
    fn finish(self: Box<Self>, committed: Result<(), StoreError>) -> Result<(), Panicked>;
}

struct Named<T, F> {
    name: &'static str,
    run: Option<F>,
    result: Option<T>,
    after: Option<AfterWrite<T>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
    claim: Claim,
}

impl Job {
    pub fn new<T, F>(
        name: &'static str,
        run: F,
        after: Option<AfterWrite<T>>,
        answer: oneshot::Sender<Result<T, StoreError>>,
    ) -> Self
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let claim = Claim::default();
        let write = Named { name, run: Some(run), result: None, after, answer, claim };
        let is_alone = name.starts_with(PURGE);
        Self { write: Box::new(write), queued: Instant::now(), bytes: 0, is_alone, link: None }
    }

    pub fn of_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    pub fn linked(mut self, link: Option<Link>) -> Self {
        self.link = link;
        self
    }

    /// The race of this write, for its caller.
    pub fn claim(&self) -> Claim {
        self.write.claim()
    }

    /// Runs it, unless a write has failed on which it may rest; if it fails, so do those that may rest on it.
    pub(super) fn run(
        &mut self,
        run: impl FnOnce(&mut dyn Write) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let Some(link) = &self.link else { return run(&mut *self.write) };
        link.require_sound().map_err(StoreError::before_it)?;
        run(&mut *self.write).inspect_err(|error| link.fail(&error.to_string()))
    }

    /// Answers it.
    pub(super) fn finish(mut self, committed: Result<(), StoreError>) -> Result<(), Panicked> {
        if let Some(link) = self.link.take() {
            let failed = committed.as_ref().err().map(ToString::to_string);
            link.end(failed.as_deref().map_or(Ok(()), Err));
        }
        self.write.finish(committed)
    }

    /// Answers it: it was not queued.
    pub(super) fn refuse(mut self, error: StoreError) {
        if let Some(link) = self.link.take() {
            link.retract();
        }
        drop(self.write.finish(Err(error)));
    }
}

impl<T, F> Write for Named<T, F>
where
    T: Send,
    F: FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, tx: Tx<'_>) -> Result<(), StoreError> {
        let Some(run) = self.run.take() else { return Ok(()) };
        if !self.claim.take(BEGUN) {
            return Err(StoreError::Stalled);
        }
        self.result = Some(run(&tx.named(self.name))?);
        Ok(())
    }

    fn finish(mut self: Box<Self>, committed: Result<(), StoreError>) -> Result<(), Panicked> {
        let result = committed.and_then(|()| {
            self.result
                .take()
                .ok_or_else(|| StoreError::Unavailable(format!("write {} did not end", self.name)))
        });
        let after = self.after.take();
        let released = catch_unwind(AssertUnwindSafe(|| {
            if let Some(after) = after {
                after(result.as_ref().ok());
            }
        }));
        // The caller may be gone: the write is stored all the same.
        drop(self.answer.send(result));
        released.map_err(|_| Panicked(self.name))
    }

    fn claim(&self) -> Claim {
        self.claim.clone()
    }
}
