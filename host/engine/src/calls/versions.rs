//! The first call of an instance on another version of its plugin: its config must be right for it, and
//! `upgraded` runs, once, after the last call on the old version.
//!
//! An instance is ready for one version at a time. A call counts itself in, and then checks whether the instance is ready
//! for the call's version. A call that upgrades closes the instance, waits until no other call is left, and takes the lock.
//! So once an upgrade has begun no call on the old version can begin, and no call has to be refused.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{CallError, Callee, Calls, Mode, ValidatedCall};
use crate::plugins::{Away, Lifecycle, Plugin, Violation};
use moothall_core::ids::{PluginDigestId, RequestId};
use moothall_core::instance::{Access, InFlight, Instance, InstanceLock};
use moothall_core::secrets;
use moothall_guest::Fault;
use moothall_guest::exports::LifecycleCall;
use moothall_store::Tx;
use moothall_values::json::{self, Exact};

/// How often the call checks whether the calls on the old version have ended.
const POLL: Duration = Duration::from_millis(1);
/// How many times a call tries again because the version or the instance changed meanwhile.
const TRIES: u32 = 4;

/// An instance that is ready for a version, with a call counted in.
pub struct Ready {
    /// The version that serves, which may be newer than the one that was resolved.
    pub plugin: Arc<Plugin>,
    instance: Arc<Instance>,
    config: Arc<str>,
    counted: InFlight,
}

impl Ready {
    pub(super) fn call(self, callee: impl Into<Callee>, request_id: RequestId) -> ValidatedCall {
        let Self { plugin, instance, config, counted } = self;
        ValidatedCall::on(plugin, instance, config, callee, request_id).counted(counted)
    }
}

/// The change of an instance to another version.
struct Change<'a> {
    plugin: &'a Arc<Plugin>,
    instance: &'a Arc<Instance>,
    config: &'a Arc<str>,
    request_id: &'a RequestId,
}

impl Calls {
    /// Counts a call in on an instance that is ready for the plugin's version, or makes it so.
    pub async fn ready(
        self: &Arc<Self>,
        plugin: Arc<Plugin>,
        instance: Arc<Instance>,
        request_id: &RequestId,
    ) -> Result<Ready, CallError> {
        if instance.is_of_host() && !plugin.serves_host() {
            return Err(CallError::PluginUnavailable(plugin.name.to_string(), Away::Gone));
        }
        let counted = instance.enter(self.instance_limit).ok_or(Fault::InstanceBusy)?;
        match instance.config_for(plugin.digest_id) {
            Some(config) => Ok(Ready { plugin, instance, config, counted }),
            None => {
                // From here on an upgrade waits for this call.
                drop(counted);
                Box::pin(self.ready_at_last(instance, request_id)).await
            }
        }
    }

    async fn ready_at_last(
        self: &Arc<Self>,
        instance: Arc<Instance>,
        request_id: &RequestId,
    ) -> Result<Ready, CallError> {
        for _ in 0..TRIES {
            // The instance must not go back to a version that no longer serves.
            let plugin = self.plugin_of(&instance)?;
            if instance.config_for(plugin.digest_id).is_none() {
                match self.make_ready(&plugin, &instance, request_id).await {
                    // Another call made it ready for another version, or it was removed.
                    Err(CallError::Fault(Fault::InstanceReplaced, _)) => continue,
                    made => made?,
                }
            }
            let counted = instance.enter(self.instance_limit).ok_or(Fault::InstanceBusy)?;
            if let Some(config) = instance.config_for(plugin.digest_id) {
                return Ok(Ready { plugin, instance, config, counted });
            }
        }
        Err(Fault::InstanceReplaced.into())
    }

    /// Happens once for each instance and version, and again after a start if the version fills in defaults.
    async fn make_ready(
        self: &Arc<Self>,
        plugin: &Arc<Plugin>,
        instance: &Arc<Instance>,
        request_id: &RequestId,
    ) -> Result<(), CallError> {
        let config = &self.config_for_version(plugin, instance)?;
        let change = Change { plugin, instance, config, request_id };
        let from = self.version_of(instance)?;
        if from != plugin.manifest.version {
            if plugin.manifest.has(Lifecycle::Upgraded) {
                self.upgrade(&change).await?;
            } else {
                // Stored, because a later version's `upgraded` gets this one.
                let store = change.store(from);
                let (id, generation) = (instance.id, instance.generation);
                let note = move |tx: &Tx<'_>| {
                    tx.require_generation(id, generation)?;
                    store(tx)
                };
                self.context.store.write("instance.version", note).await?;
            }
        }
        instance.accept(plugin.digest_id, config.clone());
        Ok(())
    }

    fn version_of(&self, instance: &Instance) -> Result<String, CallError> {
        let (id, generation) = (instance.id, instance.generation);
        let version = self.context.store.read(|reader| reader.plugin_version(id, generation))?;
        Ok(version.ok_or(Fault::InstanceReplaced)?)
    }

    /// The version's schema must accept the stored config, and fills in its own defaults.
    pub(super) fn config_for_version(
        &self,
        plugin: &Plugin,
        instance: &Instance,
    ) -> Result<Arc<str>, CallError> {
        let invalid = |violations: Vec<Violation>| {
            let plugin = plugin.name.clone();
            CallError::ConfigInvalid { plugin, violations }
        };
        let mut public: Value = serde_json::from_str(instance.stored_config())
            .map_err(|_| invalid(vec![Violation::no_json()]))?;
        plugin.config_schema.forget_unknown(&mut public);
        plugin.config_schema.fill_defaults(&mut public).map_err(|one| invalid(vec![one]))?;
        let mut tokens = Exact::of(instance.stored_config()).ok();
        let written = plugin.config_schema.write_integers(&mut public, tokens.as_mut());
        let places = |wrong: Vec<Violation>| wrong.into_iter().map(Violation::without_value);
        written.map_err(|wrong| invalid(places(wrong).collect()))?;
        let sealed =
            self.context.store.read(|reader| reader.secrets(instance.id)).map_err(Fault::from)?;
        let mut whole = secrets::join(&public, &plugin.guest.open_secrets(instance.id, &sealed)?);
        let checked = plugin.config_schema.validate_places(&whole);
        secrets::wipe(&mut whole);
        checked.map_err(invalid)?;
        Ok(json::rewritten(&public, &tokens.iter().collect::<Vec<_>>()).into())
    }

    /// `upgraded`, under the instance's lock from before to after its commit.
    async fn upgrade(self: &Arc<Self>, change: &Change<'_>) -> Result<(), CallError> {
        let Some(lock) = self.after_old_calls(change).await? else { return Ok(()) };
        // Read under the lock, because another call may have upgraded it first.
        let from = self.version_of(change.instance)?;
        if from == change.plugin.manifest.version {
            return Ok(());
        }
        let call = change.upgraded(from.clone());
        let store = change.store(from);
        let mode = Mode::BeforeCommit(Box::new(move |_, collected| {
            collected.keep_locked_until_stored(lock);
            Some(Box::new(store))
        }));
        self.run(call, mode).await.map(drop).map_err(|error| change.failed(error))
    }

    /// Takes the lock once no call on the old version is in flight; none if another call made the instance ready.
    async fn after_old_calls(
        &self,
        change: &Change<'_>,
    ) -> Result<Option<InstanceLock>, CallError> {
        let Change { plugin, instance, .. } = *change;
        let wait = Duration::from_millis(plugin.context.limits.lock_wait_ms);
        let end = Instant::now() + wait;
        instance.close();
        while instance.in_flight() > 0 {
            if instance.config_for(plugin.digest_id).is_some() {
                return Ok(None);
            }
            if Instant::now() >= end {
                return Err(Fault::InstanceBusy.into());
            }
            tokio::time::sleep(POLL).await;
        }
        let left = end.saturating_duration_since(Instant::now());
        let lock = instance.lock(Access::Exclusive, left).await.map_err(Fault::from)?;
        Ok(Some(lock))
    }
}

impl Change<'_> {
    fn upgraded(&self, from_version: String) -> ValidatedCall {
        let (plugin, instance) = (self.plugin.clone(), self.instance.clone());
        let upgraded = LifecycleCall::Upgraded { from_version };
        ValidatedCall::on(plugin, instance, self.config.clone(), upgraded, self.request_id.clone())
    }

    /// What the write stores: the instance's new version.
    fn store(
        &self,
        from: String,
    ) -> impl FnOnce(&Tx<'_>) -> Result<(), moothall_store::StoreError> + Send + use<> {
        let (id, to) = (self.instance.id, self.plugin.manifest.version.clone());
        let as_stored = **self.config == **self.instance.stored_config();
        let digest_id = if as_stored { self.plugin.digest_id } else { PluginDigestId::NONE };
        move |tx| tx.change_version(id, &from, &to, digest_id)
    }

    /// A transient fault stays what it is; anything else means that the upgrade itself failed.
    fn failed(&self, error: CallError) -> CallError {
        match error {
            CallError::Fault(fault, call) if fault.is_transient() => CallError::Fault(fault, call),
            error => CallError::UpgradeFailed {
                plugin: self.plugin.name.clone(),
                reason: error.to_string(),
                call: error.call().cloned(),
            },
        }
    }
}
