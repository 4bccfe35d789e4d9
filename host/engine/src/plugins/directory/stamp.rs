//! What a plugin file looks like from outside.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::SystemTime;

/// Size, times and inode: if any of them differs, the file has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStamp {
    pub bytes: u64,
    modified: Option<SystemTime>,
    /// `ctime` in seconds and nanoseconds, which the file system sets even if a copy keeps the time of modification.
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
