//! Secrets at rest and in configs: they are sealed with the key of this data directory, taken out of a config
//! before it is stored or shown, and put back where the host needs the whole config.
//!
//! Nothing here logs, prints or serialises a secret. Plain text is returned only as a `SecretString`, or in the
//! value that `join` makes for validation. Errors never quote their input.

mod keyring;

pub use keyring::Keyring;
pub use moothall_values::config::{
    ConfigChange, PLACEHOLDER, join, not_strings, restore_placeholders, seal, shown, split, wipe,
};

use std::path::PathBuf;

/// Why a secret cannot be sealed or opened, or the key cannot be read. Messages name files and remedies, never
/// contents.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error(
        "the value of MOOTHALL_SECRET_KEY is not a key: {reason}; set it to 32 bytes in base64 or hex (`openssl rand -base64 32`), or unset it to use the key file"
    )]
    EnvironmentKey { reason: String },
    #[error(
        "the key file {} is not a key: {reason}; put back the file that this database was made with, or, if nothing was ever sealed with it, delete it and a new one is made",
        path.display()
    )]
    KeyFile { path: PathBuf, reason: String },
    #[error("the key file {} can be read by others (mode {mode:03o}); run `chmod 600 {}`", path.display(), path.display())]
    KeyFileOpenToOthers { path: PathBuf, mode: u32 },
    #[error("failed to {doing} the key file {}; see that the data directory exists and belongs to this user", path.display())]
    KeyFileIo { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error("there is no key file {} and MOOTHALL_SECRET_KEY is not set", path.display())]
    NoKey { path: PathBuf },
    #[error("failed to get random bytes from the operating system")]
    Random { source: getrandom::Error },
    #[error("a secret of {bytes} bytes is too long to be sealed")]
    TooLong { bytes: usize },
    #[error(
        "a sealed secret cannot be opened: the key in secret.key (or MOOTHALL_SECRET_KEY) does not belong to this database, or the stored bytes were changed; put back the key that this database was made with"
    )]
    NotOpened,
    #[error(
        "a sealed secret has a form this version does not know (version byte {version}); use the version of the host that wrote this database"
    )]
    UnknownForm { version: u8 },
    #[error(
        "a sealed secret is {bytes} bytes long, too short to be one; restore the database from a backup"
    )]
    Truncated { bytes: usize },
    #[error("a sealed secret does not hold text; it was sealed by something other than this host")]
    NotText,
}
