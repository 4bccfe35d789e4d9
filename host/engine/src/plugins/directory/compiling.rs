//! Compiles files in tasks, a limited number at a time, and watches the directory meanwhile.
//!
//! A file has one compilation at most, and so has a content: a second file with the same content waits for the first. If
//! the file or the configuration changes meanwhile, the result is dropped and the file is read again.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

use super::files::Files;
use super::stamp::FileStamp;
use crate::plugins::load::{Loaded, Loader};
use crate::plugins::{LoadError, compile};
use moothall_core::config::{Config, Limits};
use moothall_core::machine;

/// The compilations under way; dropping it aborts them.
pub struct Compilations {
    permits: Arc<Semaphore>,
    files: Arc<Files>,
    tasks: JoinSet<Option<Result<Loaded, Vec<LoadError>>>>,
    by_file: BTreeMap<String, Compilation>,
}

/// The compilation of one file.
struct Compilation {
    stamp: FileStamp,
    digest: String,
    config: Arc<Config>,
    task: AbortHandle,
}

/// A compilation that has ended.
pub struct Compiled {
    pub file: String,
    pub stamp: FileStamp,
    pub digest: String,
    /// The configuration under which it was loaded.
    pub config: Arc<Config>,
    /// None if the file had another content when its compilation began.
    pub outcome: Option<Result<Loaded, Vec<LoadError>>>,
}

impl Compilations {
    pub fn new(limits: &Limits, files: Arc<Files>) -> Self {
        let at_once = at_once(limits);
        Self {
            permits: Arc::new(Semaphore::new(at_once)),
            files,
            tasks: JoinSet::new(),
            by_file: BTreeMap::new(),
        }
    }

    /// Whether that file is being compiled with its present stamp.
    pub fn has(&self, file: &str, stamp: &FileStamp) -> bool {
        self.by_file.get(file).is_some_and(|one| one.stamp == *stamp)
    }

    /// Whether another file with that content is being compiled.
    pub fn has_content(&self, digest: &str) -> bool {
        self.by_file.values().any(|one| one.digest == digest)
    }

    pub fn has_file(&self, file: &str) -> bool {
        self.by_file.contains_key(file)
    }

    /// Begins to compile a file, in place of an earlier compilation of it.
    pub fn begin(
        &mut self,
        loader: Arc<Loader>,
        file: &str,
        stamp: FileStamp,
        digest: String,
        config: Arc<Config>,
    ) {
        self.end(file);
        let (permits, of_task, content) = (self.permits.clone(), config.clone(), digest.clone());
        let (files, name) = (self.files.clone(), file.to_owned());
        let task = self.tasks.spawn(async move {
            // The semaphore is never closed.
            let _permit = permits.acquire().await.ok()?;
            // Read again here, so that files which wait take no memory.
            let wasm = files.read_again(&name, of_task.limits.plugin_file_bytes).await.ok()?;
            if compile::digest(&wasm) != content {
                return None;
            }
            Some(loader.load(wasm, content, &of_task).await)
        });
        self.by_file.insert(file.to_owned(), Compilation { stamp, digest, config, task });
    }

    /// Gives up a file's compilation, if it has one.
    pub fn end(&mut self, file: &str) {
        if let Some(one) = self.by_file.remove(file) {
            one.task.abort();
        }
    }

    /// Waits for the next compilation that ends; none if there is none.
    pub async fn next(&mut self) -> Option<Compiled> {
        loop {
            let (id, outcome) = match self.tasks.join_next_with_id().await? {
                Ok((id, outcome)) => (id, outcome),
                Err(error) => (error.id(), failed(error)),
            };
            if let Some(ended) = self.take(id, outcome) {
                return Some(ended);
            }
        }
    }

    fn take(
        &mut self,
        id: Id,
        outcome: Option<Result<Loaded, Vec<LoadError>>>,
    ) -> Option<Compiled> {
        let file = self.by_file.iter().find(|(_, one)| one.task.id() == id)?.0.clone();
        let Compilation { stamp, digest, config, .. } = self.by_file.remove(&file)?;
        Some(Compiled { file, stamp, digest, config, outcome })
    }
}

/// The outcome of a task that panicked: the file is refused, and the log has the panic.
fn failed(error: JoinError) -> Option<Result<Loaded, Vec<LoadError>>> {
    if error.is_cancelled() {
        return None;
    }
    tracing::error!(%error, "loading a plugin file panicked");
    let message = "the host failed while it loaded the file; its log says how".to_owned();
    Some(Err(vec![LoadError { code: "load_failed", message }]))
}

/// As many compilations at a time as there are cores, if the machine has the memory that they may take.
fn at_once(limits: &Limits) -> usize {
    let each = limits.compile_memory_bytes.max(1);
    let memory = usize::try_from(machine::memory_bytes() / each).unwrap_or(usize::MAX);
    match limits.compilations {
        0 => machine::cores().min(memory).max(1),
        asked => {
            if asked > memory {
                tracing::warn!(
                    "{asked} compilations of compile_memory_bytes ({each}) each may take more than this machine's memory"
                );
            }
            asked
        }
    }
}
