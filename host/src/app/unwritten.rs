//! Holds the writes of a start while the store cannot write; the host serves meanwhile and stores them later.

use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch;

use moothall_store::{Store, StoreError, Trouble};

/// The pause after a write that failed although the store writes.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Default)]
pub struct Unwritten(Vec<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Unwritten {
    /// Stores it now; or later, if only the store's health prevents it.
    pub async fn write<F>(
        &mut self,
        store: &Store,
        what: &'static str,
        write: impl Fn() -> F + Send + Sync + 'static,
    ) -> Result<(), StoreError>
    where
        F: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        let Err(error) = write().await else { return Ok(()) };
        if !is_waited_for(store) {
            return Err(error);
        }
        tracing::warn!(what, "the host starts though the store does not write: {error}");
        self.0.push(Box::pin(store_later(store.clone(), what, write)));
        Ok(())
    }

    /// Begins `next` when everything is stored, unless the host stops before.
    pub async fn then(self, mut stop: watch::Receiver<bool>, next: impl Future<Output = ()>) {
        let stored = async {
            for one in self.0 {
                one.await;
            }
        };
        let stopped = async { drop(stop.wait_for(|stop| *stop).await) };
        let is_stored = tokio::select! {
            () = stored => true,
            () = stopped => false,
        };
        if is_stored {
            next.await;
        }
    }
}

/// After a worse fault, waiting does not help.
fn is_waited_for(store: &Store) -> bool {
    matches!(store.health().worst(), Some(Trouble::Full | Trouble::Failing | Trouble::Stalled))
}

async fn store_later<F>(store: Store, what: &'static str, write: impl Fn() -> F + Send + Sync)
where
    F: Future<Output = Result<(), StoreError>> + Send,
{
    loop {
        store.health().until_it_can_write().await;
        match write().await {
            Ok(()) => return tracing::info!(what, "stored, as the start could not"),
            Err(error) if store.health().can_write() => {
                tracing::error!(what, "it cannot be stored: {error}");
                tokio::time::sleep(PAUSE).await;
            }
            // The store's health has logged why.
            Err(_) => {}
        }
    }
}
