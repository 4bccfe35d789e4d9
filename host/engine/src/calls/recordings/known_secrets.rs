//! The secrets of a recorded call that the host knows: those of its instance's configuration and of the operator's settings,
//! whether the call asked for them or not. A platform may send one back that an earlier call placed.

use std::sync::Arc;

use secrecy::SecretString;

use super::super::ValidatedCall;
use moothall_core::instance::{Instance, secret_context};
use moothall_core::secrets::Keyring;
use moothall_guest::PendingSecrets;
use moothall_store::{SecretRow, Store};

/// Those of settings, and whose configuration has the others: they are read when the recording is written down.
pub struct KnownSecrets {
    of_settings: Vec<SecretString>,
    instance: Option<Arc<Instance>>,
    /// Of a config that was about to be stored.
    pending: Option<PendingSecrets>,
}

impl KnownSecrets {
    pub fn of(call: &ValidatedCall) -> Self {
        Self {
            of_settings: call.plugin().context.settings.secrets.values().cloned().collect(),
            instance: call.instance().cloned(),
            pending: call.pending_secrets().cloned(),
        }
    }

    /// These alone.
    #[cfg(test)]
    pub fn of_settings(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        Self { of_settings: secrets.into_iter().collect(), instance: None, pending: None }
    }

    /// Reads those of the stored configuration, sealed; why not, if they are not those that the call had.
    pub fn read(&self, store: &Store) -> Result<Vec<SecretRow>, String> {
        let Some(instance) = &self.instance else { return Ok(Vec::new()) };
        let read = store.read(|reader| {
            let sealed = reader.secrets(instance.id)?;
            // Asked afterwards: generations only rise.
            let version = reader.plugin_version(instance.id, instance.generation)?;
            Ok((sealed, version.is_some()))
        });
        let (sealed, is_same) = read.map_err(|error| unreadable(&error.to_string()))?;
        match is_same || self.pending.is_some() {
            true => Ok(sealed),
            false => Err(unreadable("its instance has another configuration by now")),
        }
    }

    /// All of them, in clear.
    pub fn open(
        &self,
        sealed: &[SecretRow],
        keyring: &Keyring,
    ) -> Result<Vec<SecretString>, String> {
        let pending = self.pending.iter().flat_map(|pending| pending.values());
        let mut secrets: Vec<_> = self.of_settings.iter().chain(pending).cloned().collect();
        let Some(instance) = &self.instance else { return Ok(secrets) };
        for SecretRow { pointer, sealed } in sealed {
            let opened = keyring.open(&secret_context(instance.id, pointer), sealed);
            secrets.push(opened.map_err(|error| unreadable(&error.to_string()))?);
        }
        Ok(secrets)
    }
}

fn unreadable(reason: &str) -> String {
    format!("its content is not kept: the secrets to take out of it could not be read: {reason}")
}

#[cfg(test)]
mod tests;
