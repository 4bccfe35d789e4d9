//! Whether the disk is full, as the operating system says it: SQLite often says only that it failed.

use std::io::{ErrorKind, Write};
use std::path::Path;

/// How much is written to find out, in bytes.
const TRY_BYTES: usize = 64 << 10;

/// Whether a file beside this one has no room. Asked only after a failure.
pub fn is_full_beside(file: &str) -> bool {
    let beside = Path::new(file).with_extension("room");
    let tried = std::fs::File::create(&beside)
        .and_then(|mut file| file.write_all(&[0; TRY_BYTES]).and_then(|()| file.sync_all()));
    // There is none if it could not be made.
    drop(std::fs::remove_file(&beside));
    tried.is_err_and(|error| {
        matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
    })
}
