//! Marks a plugin file while its schemas are being compiled. If that crashes the host, the mark stays behind.
//!
//! The limits on what a manifest's schemas may cost should prevent that. Where they do not, the mark keeps the host from
//! trying the same file at each start.

use std::path::{Path, PathBuf};

use super::report::LoadError;

/// What the name of a mark ends with, after the plugin file's digest and a dot.
pub const EXTENSION: &str = "mark";

/// The mark of one file; removed when it is dropped.
pub struct Mark(PathBuf);

impl Mark {
    /// Puts the mark. If it cannot be written, the file is loaded all the same.
    pub fn put(cache: &Path, digest: &str) -> Self {
        let path = path(cache, digest);
        if let Err(error) = std::fs::write(&path, b"") {
            tracing::warn!(%error, path = %path.display(), "cannot write the mark for this plugin file; if compiling its schemas crashes the host, the next start will try again");
        }
        Self(path)
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::error!(%error, path = %self.0.display(), "cannot remove this mark: remove it by hand, or the host refuses the plugin file at its next start");
            }
            _ => {}
        }
    }
}

/// Refuses a file whose mark a crash has left behind.
pub fn require_unmarked(cache: &Path, digest: &str) -> Result<(), LoadError> {
    let path = path(cache, digest);
    if !path.exists() {
        return Ok(());
    }
    let message = format!(
        "the host crashed while it compiled the schemas of this file's manifest, and does not try again; change the file, or, if something else crashed the host then, remove {} and touch the file",
        path.display()
    );
    Err(LoadError::new("ended_the_host", message))
}

fn path(cache: &Path, digest: &str) -> PathBuf {
    cache.join(format!("{digest}.{EXTENSION}"))
}
