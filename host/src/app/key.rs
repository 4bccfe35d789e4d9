//! Finds the sealing key at the start: the host starts only with the key that its database was made with.
//!
//! A wrong key opens nothing, and what it seals cannot be opened once the right key is back. So the database keeps a sealed
//! constant, and the host makes a new key only where nothing is sealed yet.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use secrecy::ExposeSecret;

use crate::app::unwritten::Unwritten;
use moothall_core::instance;
use moothall_core::secrets::{Keyring, SecretError};
use moothall_store::{SampleOf, SealedSample, Store};

/// The context for which the constant is sealed, and the constant.
const CONTEXT: &[u8] = b"key_check";
const CONSTANT: &str = "the key of this database";

/// Where the key comes from.
pub struct Source {
    pub file: PathBuf,
    /// `MOOTHALL_SECRET_KEY`
    pub variable: Option<String>,
}

/// Loads the database's key; makes one if there is none and nothing is sealed yet.
pub async fn keyring(
    store: &Store,
    source: &Source,
    unwritten: &mut Unwritten,
) -> anyhow::Result<Arc<Keyring>> {
    let (check, samples) =
        store.read(|reader| Ok((reader.key_check()?, reader.sealed_samples()?)))?;
    let is_new = check.is_none() && samples.is_empty();
    let keyring = if is_new { source.load_or_create()? } else { source.load()? };
    let fits = match &check {
        Some(sealed) => opens_constant(&keyring, sealed),
        None => is_new || samples.iter().any(|sample| opens(&keyring, sample)),
    };
    if !fits {
        bail!(source.wrong_key_message());
    }
    if check.is_none() {
        let sealed = keyring.seal(CONTEXT, CONSTANT.as_bytes())?;
        let for_write = store.clone();
        let write = move || {
            let (store, sealed) = (for_write.clone(), sealed.clone());
            async move { store.write("key.check", move |tx| tx.put_key_check(&sealed)).await }
        };
        let written = unwritten.write(store, "the check of the sealing key", write).await;
        written.context("the check of the sealing key cannot be stored")?;
    }
    Ok(Arc::new(keyring))
}

fn opens_constant(keyring: &Keyring, sealed: &[u8]) -> bool {
    keyring.open(CONTEXT, sealed).is_ok_and(|one| one.expose_secret() == CONSTANT)
}

fn opens(keyring: &Keyring, sample: &SealedSample) -> bool {
    let context = match &sample.of {
        SampleOf::Endpoint(id) => moothall_deliveries::secret_context(id),
        SampleOf::Instance(id, pointer) => instance::secret_context(*id, pointer),
    };
    keyring.open(&context, &sample.sealed).is_ok()
}

impl Source {
    fn load_or_create(&self) -> anyhow::Result<Keyring> {
        Ok(Keyring::load_or_create(&self.file, self.variable.as_deref())?)
    }

    /// Whether this is the key that a database's constant was sealed with.
    pub fn check(&self, sealed: Option<&[u8]>) -> anyhow::Result<()> {
        let Some(sealed) = sealed else { return Ok(()) };
        match opens_constant(&self.load()?, sealed) {
            true => Ok(()),
            false => bail!(self.wrong_key_message()),
        }
    }

    fn load(&self) -> anyhow::Result<Keyring> {
        match Keyring::load(&self.file, self.variable.as_deref()) {
            Err(SecretError::NoKey { .. }) => bail!(
                "the secrets in this database were sealed with a key, but there is no {} and MOOTHALL_SECRET_KEY is not set; {}",
                self.file.display(),
                self.remedy()
            ),
            loaded => Ok(loaded?),
        }
    }

    fn wrong_key_message(&self) -> String {
        let what = match &self.variable {
            Some(_) => "the key in MOOTHALL_SECRET_KEY".to_owned(),
            None => format!("the key in {}", self.file.display()),
        };
        format!(
            "{what} is not the one that the secrets in this database were sealed with; {}",
            self.remedy()
        )
    }

    fn remedy(&self) -> String {
        let directory = self.file.parent().unwrap_or(Path::new("."));
        let put_back = match &self.variable {
            Some(_) => {
                format!("set it to the right key, or unset it if {} has that", self.file.display())
            }
            None => "put the right key back there, or set MOOTHALL_SECRET_KEY to it".to_owned(),
        };
        format!(
            "{put_back}; to begin afresh, without what is stored, move {} away or name another directory with --data",
            directory.display()
        )
    }
}
