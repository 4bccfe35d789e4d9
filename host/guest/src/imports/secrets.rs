//! `secrets`: handles on secret values. A value leaves the host only through `reveal`, granted.

use secrecy::{ExposeSecret, SecretString};
use wasmtime::component::Resource;

use crate::bindings::imports::moothall::plugin::secrets;
use crate::bindings::{Error, ErrorKind};
use crate::call_state::CallState;
use crate::fault::Fault;
use crate::memory::{MemoryReservation, Of};
use crate::refusal::error;
use crate::secret_handle::SecretHandle;
use moothall_core::instance::{Instance, secret_context};

impl secrets::Host for CallState {
    fn get(&mut self, pointer: String) -> Result<Resource<SecretHandle>, Error> {
        let none =
            || error(ErrorKind::NotFound, format!("no secret is set at `{pointer}` of the config"));
        let instance = self.call_context.instance.clone().ok_or_else(none)?;
        let value = self.config_secret(&instance, &pointer);
        let value = value.map_err(|fault| self.end_with(fault))?.ok_or_else(none)?;
        self.hand_out(pointer, value)
    }

    fn setting(&mut self, name: String) -> Result<Resource<SecretHandle>, Error> {
        let Some(value) = self.plugin_context.settings.secrets.get(&name).cloned() else {
            let message = format!("the operator's settings have no secret `{name}`");
            return Err(error(ErrorKind::NotFound, message));
        };
        self.hand_out(format!("settings:{name}"), value)
    }
}

impl secrets::HostSecret for CallState {
    fn reveal(&mut self, secret: Resource<SecretHandle>) -> Result<String, Error> {
        let Ok(secret) = self.table.get(&secret) else {
            return Err(error(ErrorKind::NotFound, "this secret's handle is not valid any more"));
        };
        let denied = |message| error(ErrorKind::Forbidden, message);
        self.plugin_context.grants.may_reveal(&secret.grant).map_err(denied)?;
        Ok(secret.value.expose_secret().to_owned())
    }

    fn drop(&mut self, secret: Resource<SecretHandle>) -> wasmtime::Result<()> {
        self.table.delete(secret)?;
        Ok(())
    }
}

impl CallState {
    /// A secret of the instance's configuration: of one that is not stored yet from memory, else
    /// from the store, and of no other generation than the call's.
    fn config_secret(
        &self,
        instance: &Instance,
        pointer: &str,
    ) -> Result<Option<SecretString>, Fault> {
        if let Some(pending) = &self.call_context.pending_secrets {
            return Ok(pending.get(pointer).cloned());
        }
        let (id, generation) = (instance.id, instance.generation);
        let sealed = self.shared.store.read(|reader| reader.secret(id, generation, pointer))?;
        let sealed = sealed.ok_or(Fault::InstanceReplaced)?;
        let opened =
            sealed.map(|sealed| self.shared.keyring.open(&secret_context(id, pointer), &sealed));
        opened.transpose().map_err(|error| Fault::Host(error.to_string()))
    }

    /// The value behind a handle, for the host to place it.
    pub(super) fn secret(&self, handle: &Resource<SecretHandle>) -> Result<&str, Error> {
        let none = |_| error(ErrorKind::NotFound, "this secret's handle is not valid any more");
        Ok(self.table.get(handle).map_err(none)?.value.expose_secret())
    }

    /// The name of a handle's secret in grants; empty if the handle is not valid any more.
    pub(super) fn grant_of(&self, handle: &Resource<SecretHandle>) -> String {
        self.table.get(handle).map(|secret| secret.grant.clone()).unwrap_or_default()
    }

    pub(super) fn hand_out(
        &mut self,
        grant: String,
        value: SecretString,
    ) -> Result<Resource<SecretHandle>, Error> {
        let mut reservation =
            MemoryReservation::none_of(self.plugin_context.quota.memory.clone(), Of::Call);
        let bytes = (value.expose_secret().len() + grant.len()) as u64;
        let counted = reservation.grow(bytes);
        counted.map_err(|full| self.end_with(Fault::Overloaded(full.reason())))?;
        self.table
            .push(SecretHandle { grant, value, _reservation: reservation })
            .map_err(|_| error(ErrorKind::Conflict, "the call holds too many handles"))
    }
}
