//! A thread for work that costs CPU time and serves only one plugin or driver: one piece of work after the other, at low
//! priority.

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
    /// None if the work panicked or no thread could be started; the log says which.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let permit = self.0.clone().acquire_owned().await.ok()?;
        let (done, answer) = oneshot::channel();
        let thread = std::thread::Builder::new().name("apart".to_owned());
        let thread = thread.spawn(move || {
            // Only for this thread.
            if let Err(error) = setpriority_process(None, NICE) {
                tracing::debug!(%error, "schemas are compiled with the priority of everything else");
            }
            let answer = work();
            drop(permit);
            // Nobody may be waiting any more.
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
