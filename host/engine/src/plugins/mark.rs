//! The mark of a file whose schemas are being compiled: what the host leaves behind if that ends it.
//!
//! The budgets of a manifest are there so that it never does. Where they are not enough, the host must not meet the same
//! file again at each start.

use std::path::{Path, PathBuf};

use super::report::LoadError;

/// What the name of a mark ends with, after the file's digest and a dot.
pub const KIND: &str = "mark";

/// There until it is dropped.
pub struct Mark(PathBuf);

impl Mark {
    /// A mark that cannot be put is no reason not to load.
    pub fn put(cache: &Path, digest: &str) -> Self {
        let path = path(cache, digest);
        if let Err(error) = std::fs::write(&path, b"") {
            tracing::warn!(%error, path = %path.display(), "it cannot be marked which plugin's schemas are compiled; should they end the host, they are tried again");
        }
        Self(path)
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::error!(%error, path = %self.0.display(), "this file must be removed, or its plugin is not loaded at the next start");
            }
            _ => {}
        }
    }
}

/// Refuses a file that was marked when the host ended.
pub fn refuse(cache: &Path, digest: &str) -> Result<(), LoadError> {
    let path = path(cache, digest);
    if !path.exists() {
        return Ok(());
    }
    let message = format!(
        "the host ended while it compiled the schemas of this file's manifest, and does not try again; change the file, or, if something else ended the host then, remove {} and touch the file",
        path.display()
    );
    Err(LoadError::new("ended_the_host", message))
}

fn path(cache: &Path, digest: &str) -> PathBuf {
    cache.join(format!("{digest}.{KIND}"))
}
