//! A write on its way to the writer's thread and back: what it runs, and whom it answers.

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::connection::Tx;
use super::signals::Told;
use super::subscriptions::Subscriptions;
use super::{AfterWrite, StoreError};

/// A write that waits, whatever it answers with.
pub struct Job(pub(super) Box<dyn Write>);

pub(super) trait Write: Send {
    /// Runs the statements and keeps their result.
    fn run(
        &mut self,
        conn: &Connection,
        told: &Told,
        subscriptions: &Subscriptions,
    ) -> Result<(), StoreError>;
    /// Releases what the write holds, then answers it.
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Named<T, F> {
    name: &'static str,
    run: Option<F>,
    result: Option<T>,
    after: Option<AfterWrite<T>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
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
        Self(Box::new(Named { name, run: Some(run), result: None, after, answer }))
    }
}

impl<T, F> Write for Named<T, F>
where
    T: Send,
    F: FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send,
{
    fn run(
        &mut self,
        conn: &Connection,
        told: &Told,
        subscriptions: &Subscriptions,
    ) -> Result<(), StoreError> {
        let Some(run) = self.run.take() else { return Ok(()) };
        self.result = Some(run(&Tx { conn, name: self.name, told, subscriptions })?);
        Ok(())
    }

    fn finish(mut self: Box<Self>, committed: Result<(), StoreError>) {
        let result = committed.and_then(|()| {
            self.result
                .take()
                .ok_or_else(|| StoreError::Unavailable(format!("write {} did not end", self.name)))
        });
        if let Some(after) = self.after.take() {
            after(result.as_ref().ok());
        }
        // Nobody may be waiting any more: the write stands all the same.
        drop(self.answer.send(result));
    }
}
