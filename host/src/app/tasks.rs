//! Tasks that run as long as the host, and the reason why the host had to stop.

use std::sync::{Arc, OnceLock};

use anyhow::bail;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinError};

/// Why the host could not go on; the first reason counts. Clones share it.
#[derive(Clone, Default)]
pub struct Failed(Arc<OnceLock<String>>);

impl Failed {
    pub fn because(&self, reason: String) {
        // An earlier reason has probably caused this one.
        drop(self.0.set(reason));
    }

    pub fn outcome(&self) -> anyhow::Result<()> {
        self.0.get().map_or(Ok(()), |reason| bail!("{reason}"))
    }
}

/// Tasks that run as long as the host. If one ends early, the host stops with a failure's exit code, so that no
/// work is silently left undone.
pub struct Tasks<'a> {
    pub runtime: &'a Runtime,
    pub stop: watch::Sender<bool>,
    pub failed: Failed,
}

impl Tasks<'_> {
    pub fn start(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> AbortHandle {
        let (task, stop, failed) =
            (self.runtime.spawn(task), self.stop.clone(), self.failed.clone());
        let handle = task.abort_handle();
        self.runtime.spawn(async move {
            let ended = task.await;
            let panicked = ended.as_ref().is_err_and(JoinError::is_panic);
            if panicked || !*stop.borrow() {
                let how = if panicked { "panicked" } else { "ended" };
                tracing::error!(task = name, "a task of the host {how}; stopping");
                failed.because(format!("the host's task `{name}` {how}; the log says more"));
                stop.send_replace(true);
            }
        });
        handle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum HostIs {
        Running,
        Stopping,
    }

    /// What happens to the host when this task ends.
    fn outcome(task: impl Future<Output = ()> + Send + 'static, host: HostIs) -> String {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let (stop, mut stopping) = watch::channel(host == HostIs::Stopping);
        let failed = Failed::default();
        let tasks = Tasks { runtime: &runtime, stop, failed: failed.clone() };
        tasks.start("test", task);
        runtime.block_on(async {
            stopping.wait_for(|stop| *stop).await.unwrap();
            // Gives the tasks' supervisors time to run.
            for _ in 0..1_000 {
                tokio::task::yield_now().await;
            }
        });
        failed.outcome().map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn a_task_that_panics_or_ends_too_early_is_a_failure_of_the_host() {
        let panicked = outcome(async { panic!("as a test wants it") }, HostIs::Running);
        assert!(panicked.contains("`test` panicked"), "{panicked}");
        let ended = outcome(async {}, HostIs::Running);
        assert!(ended.contains("`test` ended"), "{ended}");
        assert_eq!(outcome(std::future::pending(), HostIs::Stopping), "");
        assert_eq!(outcome(async {}, HostIs::Stopping), "", "the host was stopping anyway");
    }
}
