//! The first call of an instance on another version of its plugin: its config must be right for it, and
//! `upgraded` runs, once, after the last call on the old version.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{CallError, Calls, Mode, ValidatedCall, What};
use crate::guest::Fault;
use crate::ids::RequestId;
use crate::instance::{Access, Hold, HoldError, Instance};
use crate::plugins::{Lifecycle, Plugin};
use crate::secrets;

/// How often it is looked whether calls on the old version have ended.
const LOOK: Duration = Duration::from_millis(1);

impl Calls {
    /// The instance's config for this version, which is then ready for calls. Once for each instance and
    /// version.
    pub(super) async fn make_ready(
        self: &Arc<Self>,
        plugin: &Arc<Plugin>,
        instance: &Arc<Instance>,
        request_id: &RequestId,
    ) -> Result<Arc<str>, CallError> {
        let config = self.config_for_version(plugin, instance)?;
        let from = self.store.read(|reader| reader.plugin_version(instance.id))?;
        let from = from.ok_or(Fault::InstanceReplaced)?;
        if from != plugin.manifest.version {
            if plugin.manifest.has(Lifecycle::Upgraded) {
                self.upgrade(plugin, instance, &config, request_id).await?;
            } else {
                self.note_version(plugin, instance).await?;
            }
        }
        instance.accept(plugin.mark, config.clone());
        Ok(config)
    }

    /// The version's schema must accept the stored config, and fills in its own defaults.
    fn config_for_version(
        &self,
        plugin: &Plugin,
        instance: &Instance,
    ) -> Result<Arc<str>, CallError> {
        let invalid = |at: String| CallError::ConfigInvalid { plugin: plugin.name.clone(), at };
        let mut public: Value =
            serde_json::from_str(instance.stored_config()).map_err(|_| invalid(String::new()))?;
        plugin.config_schema.fill_defaults(&mut public);
        let sealed = self.store.read(|reader| reader.secrets(instance.id)).map_err(Fault::from)?;
        let mut whole = secrets::join(&public, &plugin.guest.open_secrets(instance.id, &sealed)?);
        let checked = plugin.config_schema.validate(&whole);
        secrets::wipe(&mut whole);
        // Where, and not what: the new schema need not know which values are secrets.
        checked.map_err(|violations| {
            invalid(violations.first().map(|one| one.path.clone()).unwrap_or_default())
        })?;
        Ok(public.to_string().into())
    }

    /// `upgraded`, under the instance's lock from before to after its commit.
    async fn upgrade(
        self: &Arc<Self>,
        plugin: &Arc<Plugin>,
        instance: &Arc<Instance>,
        config: &Arc<str>,
        request_id: &RequestId,
    ) -> Result<(), CallError> {
        let hold = self.after_old_calls(plugin, instance).await?;
        let from = self.store.read(|reader| reader.plugin_version(instance.id))?;
        let from = from.ok_or(Fault::InstanceReplaced)?;
        let to = plugin.manifest.version.clone();
        if from == to {
            // Somebody else's call was first.
            return Ok(());
        }
        let what = What::Upgraded { from_version: from.clone() };
        let (plugin_of, instance_of) = (plugin.clone(), instance.clone());
        let call =
            ValidatedCall::on(plugin_of, instance_of, config.clone(), what, request_id.clone());
        let (id, mark) = (instance.id, plugin.mark);
        let upgraded = Box::pin(self.run(
            call,
            Mode::Finish(Box::new(move |_, collected| {
                collected.hold_until_stored(hold, mark);
                Some(Box::new(move |tx| tx.change_version(id, &from, &to)))
            })),
        ));
        upgraded.await.map(drop).map_err(|error| match error {
            CallError::Fault(
                fault @ (Fault::Store(_) | Fault::Overloaded(_) | Fault::InstanceBusy),
            ) => fault.into(),
            other => {
                CallError::UpgradeFailed { plugin: plugin.name.clone(), reason: other.to_string() }
            }
        })
    }

    /// The lock, once no call on the old version is in flight any more.
    async fn after_old_calls(
        &self,
        plugin: &Plugin,
        instance: &Arc<Instance>,
    ) -> Result<Hold, CallError> {
        let wait = Duration::from_millis(plugin.terms.limits.lock_wait_ms);
        let end = Instant::now() + wait;
        // Calls on this version run once somebody else's upgrade is done.
        let is_done = || instance.config_for(plugin.mark).is_some();
        while instance.in_flight() > 0 && !is_done() && Instant::now() < end {
            tokio::time::sleep(LOOK).await;
        }
        let hold = instance.hold(Access::Exclusive, wait).await.map_err(|error| match error {
            HoldError::Busy => Fault::InstanceBusy,
            HoldError::Replaced => Fault::InstanceReplaced,
        })?;
        Ok(hold)
    }

    /// A version without `upgraded`: a later one that has it is told of this one.
    async fn note_version(&self, plugin: &Plugin, instance: &Instance) -> Result<(), CallError> {
        let (id, to) = (instance.id, plugin.manifest.version.clone());
        let note = move |tx: &crate::store::Tx<'_>| tx.note_version(id, &to);
        Ok(self.store.write("instance.version", note).await?)
    }
}
