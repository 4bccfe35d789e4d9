//! Work that takes CPU time for one plugin or driver alone, apart from whatever serves the others: on a thread of its own,
//! one after the other, behind everything else.

use std::sync::Arc;

use rustix::process::setpriority_process;
use tokio::sync::{Semaphore, oneshot};

/// Priority of such a thread.
const NICE: i32 = 10;

#[derive(Clone, Debug)]
pub struct Apart(Arc<Semaphore>);

impl Default for Apart {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Apart {
    /// None: it panicked, or there is no thread for it; the log says which.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let turn = self.0.clone().acquire_owned().await.ok()?;
        let (done, answer) = oneshot::channel();
        let thread = std::thread::Builder::new().name("apart".to_owned());
        let thread = thread.spawn(move || {
            // For the calling thread alone.
            if let Err(error) = setpriority_process(None, NICE) {
                tracing::debug!(%error, "schemas are compiled with the priority of everything else");
            }
            let answer = work();
            drop(turn);
            // Whoever asked may have gone.
            drop(done.send(answer));
        });
        if let Err(error) = thread {
            tracing::error!(%error, "there is no thread to compile schemas on");
            return None;
        }
        let answer = answer.await;
        answer.inspect_err(|_| tracing::error!("compiling schemas panicked")).ok()
    }
}
