//! Plugins of host scope: one instance of each for the whole host, configured in `moothall.toml`.
//!
//! Each is initialized when it is first configured and at every start, before the first request if it is
//! compiled by then, and closed at shutdown in reverse order. One that cannot be initialized holds up
//! nothing else: it is tried again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::calls::Mode;
use crate::context::Context;
use crate::mutations::{Became, MutationError, Mutations, PluginEntry};
use crate::plugins::{Lifecycle, Plugin};
use moothall_core::config::Config;
use moothall_core::ids::{CommunitySlug, InstanceId, PluginDigestId, PluginName, RequestId};
use moothall_core::instance::Instance;
use moothall_guest::exports::LifecycleCall;

/// How often the host checks for plugins that were loaded or replaced.
const POLL: Duration = Duration::from_millis(250);
/// How long after a failed `initialize` it is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(10);
/// How long all `close` calls together may take when the host stops.
const CLOSE: Duration = Duration::from_secs(10);

/// Keeps these plugins as the configuration says.
pub struct HostScope {
    mutations: Mutations,
    context: Arc<Context>,
    config: Arc<Config>,
    /// The file and the settings that each was last set up with.
    known: BTreeMap<PluginName, (PluginDigestId, Value)>,
    /// Initialized by this process.
    begun: BTreeSet<InstanceId>,
    /// Those that could not be set up.
    failed: BTreeMap<PluginName, FailedStart>,
}

/// One that could not be set up.
struct FailedStart {
    /// The file and the settings that it failed with.
    with: (PluginDigestId, Value),
    again_at: Instant,
    /// The message that was logged, so that it is logged once.
    said: String,
}

impl HostScope {
    pub fn new(mutations: Mutations, config: Arc<Config>) -> Self {
        Self {
            context: mutations.context.clone(),
            mutations,
            config,
            known: BTreeMap::new(),
            begun: BTreeSet::new(),
            failed: BTreeMap::new(),
        }
    }

    /// Looks at every loaded plugin once.
    pub async fn settle(&mut self) {
        let all = self.context.plugins.all();
        self.failed.retain(|name, _| {
            all.iter().any(|one| one.name == *name && one.is_of_host() && one.serves_host())
        });
        for plugin in all {
            let settings = Value::Object(self.config.plugin(plugin.name.as_str()).settings);
            let made_of = (plugin.digest_id, settings);
            if !plugin.is_of_host()
                || !plugin.serves_host()
                || self.known.get(&plugin.name) == Some(&made_of)
                || self.failed.get(&plugin.name).is_some_and(|failed| failed.waits(&made_of))
            {
                continue;
            }
            match self.settle_one(&plugin, made_of.1.clone()).await {
                Ok(()) => {
                    self.failed.remove(&plugin.name);
                    self.known.insert(plugin.name.clone(), made_of);
                }
                Err(error) => self.note_failed(&plugin.name, made_of, reason(&error)),
            }
        }
        let failed = self.failed.iter().map(|(name, failed)| (name.clone(), failed.warning(name)));
        self.context.plugins.note_not_set_up(failed.collect());
    }

    fn note_failed(&mut self, plugin: &PluginName, with: (PluginDigestId, Value), reason: String) {
        if self.failed.get(plugin).is_none_or(|failed| failed.said != reason) {
            tracing::error!(
                plugin = plugin.as_str(),
                "a plugin of host scope cannot be set up; see [plugins.{plugin}] in moothall.toml: {reason}"
            );
        }
        let failed = FailedStart { with, again_at: Instant::now() + RETRY_PAUSE, said: reason };
        self.failed.insert(plugin.clone(), failed);
    }

    async fn settle_one(
        &mut self,
        plugin: &Arc<Plugin>,
        config: Value,
    ) -> Result<(), MutationError> {
        let config = Some(config.to_string());
        let entry = PluginEntry { name: plugin.name.to_string(), config, platform_id: None };
        let request = RequestId::new(&self.context.clock);
        let host = CommunitySlug::of_host();
        let (change, instance) = self.mutations.enable(host, entry, (None, ()), request).await?;
        if !self.begun.contains(&instance.id) && change != Became::Created {
            self.call(plugin.clone(), instance.clone(), Lifecycle::Initialize).await?;
        }
        self.begun.insert(instance.id);
        Ok(())
    }

    async fn call(
        &self,
        plugin: Arc<Plugin>,
        instance: Arc<Instance>,
        function: Lifecycle,
    ) -> Result<(), MutationError> {
        if !plugin.manifest.has(function) {
            return Ok(());
        }
        let calls = &self.mutations.calls;
        let export = match function {
            Lifecycle::Close => LifecycleCall::Close,
            _ => LifecycleCall::Restart,
        };
        let call = calls.on(plugin, instance, export, RequestId::new(&self.context.clock)).await?;
        calls.run(call, Mode::Commit).await?;
        Ok(())
    }

    /// Notices what is loaded and what the operator changes, until the host stops; then closes all.
    pub async fn watch(mut self, mut reloads: watch::Receiver<Arc<Config>>, close: Closing) {
        let Closing { mut asked, done } = close;
        loop {
            tokio::select! {
                _ = asked.wait_for(|asked| *asked) => break,
                () = tokio::time::sleep(POLL) => {}
            }
            if reloads.has_changed().unwrap_or(false) {
                self.config = reloads.borrow_and_update().clone();
            }
            if self.context.store.health().can_write() {
                self.settle().await;
            }
            let (calls, context) = (self.mutations.calls.clone(), self.context.clone());
            let serves = |id| calls.plugin_of(&*context.communities.instance(id)?).ok();
            calls.residents.forget(serves);
        }
        if tokio::time::timeout(CLOSE, self.close()).await.is_err() {
            tracing::warn!("plugins of host scope took longer than {} s to close", CLOSE.as_secs());
        }
        done.send_replace(true);
        std::future::pending::<()>().await;
    }

    async fn close(&self) {
        let Some(host) = self.context.communities.of_host() else { return };
        for instance in host.instances.iter().rev().filter(|one| self.begun.contains(&one.id)) {
            let Ok(plugin) = self.mutations.calls.plugin_of(instance) else { continue };
            if !plugin.serves_host() {
                continue;
            }
            if let Err(error) = self.call(plugin, instance.clone(), Lifecycle::Close).await {
                let plugin = instance.plugin.as_str();
                tracing::error!(
                    plugin,
                    "a plugin of host scope could not be closed: {}",
                    reason(&error)
                );
            }
        }
    }
}

impl FailedStart {
    /// For the listing, where the file itself is as it should be.
    fn warning(&self, plugin: &PluginName) -> String {
        format!(
            "it is not set up, so that nothing of it is called: {}; see [plugins.{plugin}] in moothall.toml. It is tried again every {} s, and when its file or its settings change",
            self.said,
            RETRY_PAUSE.as_secs()
        )
    }

    /// Whether there is no reason to try it again yet.
    fn waits(&self, made_of: &(PluginDigestId, Value)) -> bool {
        self.with == *made_of && Instant::now() < self.again_at
    }
}

/// With what is wrong with its configuration.
fn reason(error: &MutationError) -> String {
    let MutationError::InvalidConfig { violations, .. } = error else { return error.to_string() };
    let each = violations.iter().map(ToString::to_string);
    format!("{error}: {}", each.collect::<Vec<_>>().join("; "))
}

/// How the host asks for the end, and learns of it.
pub struct Closing {
    pub asked: watch::Receiver<bool>,
    pub done: watch::Sender<bool>,
}
