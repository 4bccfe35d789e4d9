//! What the operating system says of the disk, where SQLite only says that it failed.

use std::io::{ErrorKind, Write};
use std::path::Path;

/// What is tried to be written, in bytes.
const TRY_BYTES: usize = 64 << 10;

/// Whether a file beside this one finds no room. Asked only after a failure.
pub fn is_full_beside(file: &str) -> bool {
    let beside = Path::new(file).with_extension("room");
    let tried = std::fs::File::create(&beside)
        .and_then(|mut file| file.write_all(&[0; TRY_BYTES]).and_then(|()| file.sync_all()));
    // One that could not be made is not there.
    drop(std::fs::remove_file(&beside));
    tried.is_err_and(|error| {
        matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
    })
}
