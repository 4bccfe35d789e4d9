//! What a plugin file looks like from outside.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::SystemTime;

/// What a file looks like from outside: a change of any of it is a change of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStamp {
    pub bytes: u64,
    modified: Option<SystemTime>,
    /// Set by the file system alone: also where a copy brings its time along. Seconds and nanoseconds.
    changed: (i64, i64),
    inode: u64,
}

impl FileStamp {
    pub fn of(metadata: &Metadata) -> Self {
        let (bytes, modified) = (metadata.len(), metadata.modified().ok());
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        Self { bytes, modified, changed, inode: metadata.ino() }
    }
}
