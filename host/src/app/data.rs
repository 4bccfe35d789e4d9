//! The data directory: created with tight permissions, locked against a second host.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rustix::fs::{FlockOperation, flock};

use crate::app::key::Source;
use moothall_core::config::{Config, secret_key_variable};
use moothall_core::permissions::{FileAccess, tighten};

/// Nobody but the owner.
const MODE: u32 = 0o700;
/// The key file.
const KEY: &str = "secret.key";
/// The directory of native code.
const CACHE: &str = "cache";

/// `--data`
pub struct DataDirectory {
    path: PathBuf,
    lock: std::fs::File,
}

impl DataDirectory {
    /// Creates it if it does not exist.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("the data directory {} cannot be used", path.display());
        std::fs::DirBuilder::new().recursive(true).mode(MODE).create(path).with_context(cannot)?;
        refuse_open_to_all(path, tighten(path).with_context(cannot)?)?;
        std::fs::create_dir_all(path.join(CACHE)).with_context(cannot)?;
        let lock = std::fs::File::options()
            .create(true)
            .append(true)
            .open(path.join("lock"))
            .with_context(cannot)?;
        Ok(Self { path: path.to_owned(), lock })
    }

    /// Only one host may use a directory. The lock ends with the process, however it ends.
    pub fn lock(&self) -> anyhow::Result<()> {
        if !self.try_lock()? {
            bail!(
                "another `moothall serve` uses the data directory {}; stop it, or choose another with --data",
                self.path.display()
            );
        }
        Ok(())
    }

    /// False if a host serves the directory.
    pub fn try_lock(&self) -> anyhow::Result<bool> {
        match flock(&self.lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
            Err(error) => {
                Err(error).with_context(|| format!("{} cannot be locked", self.path.display()))
            }
        }
    }

    pub fn cache(&self) -> PathBuf {
        self.path.join(CACHE)
    }

    pub fn key(&self) -> Source {
        key_source(&self.path)
    }

    /// Refuses a directory whose database is gone, for example because a volume is not mounted: other files
    /// show that there was a database.
    pub fn refuse_lost(config: &Config) -> anyhow::Result<()> {
        let database = config.database();
        let is_there = std::fs::metadata(&database).is_ok_and(|file| file.len() > 0);
        let left = [KEY, CACHE].map(|name| config.data.join(name)).into_iter().find(|left| {
            left.is_file() || std::fs::read_dir(left).is_ok_and(|mut files| files.next().is_some())
        });
        match left {
            Some(left) if !is_there => bail!(
                "there is no database {}, but {} is there: it may have been moved, or its volume not be mounted; put it \
                 back, or begin without it with `moothall serve --new`",
                database.display(),
                left.display()
            ),
            _ => Ok(()),
        }
    }
}

/// Where the key of a data directory comes from.
pub fn key_source(directory: &Path) -> Source {
    Source { file: directory.join(KEY), variable: secret_key_variable() }
}

fn refuse_open_to_all(path: &Path, access: FileAccess) -> anyhow::Result<()> {
    let FileAccess::OpenToAll { mode, owner } = access else { return Ok(()) };
    bail!(
        "the data directory {path} is open to everybody (mode {mode:o}) and belongs to user {owner}, so that this process cannot \
         close it; run `chmod o-rwx {path}` as that user, or name a directory inside it with --data",
        path = path.display()
    )
}
