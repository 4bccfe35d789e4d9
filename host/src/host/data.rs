//! The data directory: made with tight permissions, locked against a second host.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use rustix::fs::{FlockOperation, flock};

use crate::config::secret_key_variable;
use crate::secrets::Keyring;

/// Nobody but the owner.
const MODE: u32 = 0o700;

/// `--data`
pub struct DataDirectory {
    path: PathBuf,
    lock: std::fs::File,
}

impl DataDirectory {
    /// Makes it if it is not there.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("the data directory {} cannot be used", path.display());
        std::fs::DirBuilder::new().recursive(true).mode(MODE).create(path).with_context(cannot)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(MODE))
            .with_context(cannot)?;
        std::fs::create_dir_all(path.join("cache")).with_context(cannot)?;
        let lock = std::fs::File::options()
            .create(true)
            .append(true)
            .open(path.join("lock"))
            .with_context(cannot)?;
        Ok(Self { path: path.to_owned(), lock })
    }

    /// Only one host may serve a directory. The lock ends with the process, however it ends.
    pub fn lock(&self) -> anyhow::Result<()> {
        match flock(&self.lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::WOULDBLOCK) => bail!(
                "another `moothall serve` uses the data directory {}; stop it, or choose another with --data",
                self.path.display()
            ),
            Err(error) => {
                Err(error).with_context(|| format!("{} cannot be locked", self.path.display()))
            }
        }
    }

    /// Where native code is kept.
    pub fn cache(&self) -> PathBuf {
        self.path.join("cache")
    }

    pub fn keyring(&self) -> anyhow::Result<Arc<Keyring>> {
        let variable = secret_key_variable();
        Ok(Arc::new(Keyring::load_or_create(&self.path.join("secret.key"), variable.as_deref())?))
    }
}
