//! An instance, which is one plugin enabled for one community, as a call needs it, and its lock.
//!
//! Immutable except for its lock, its count of calls and the plugin version that it is ready for: a change
//! makes a new `Instance` that shares the old one's lock and count. Kept small, because there may be a hundred
//! thousand of them.

mod lock;
#[cfg(any(test, feature = "made"))]
pub mod made;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use arc_swap::ArcSwapOption;
use secrecy::{SecretSlice, SecretString};
use tokio::sync::RwLock;

use crate::ids::{
    CommunityId, CommunitySlug, Generation, InstanceId, PluginDigestId, PluginName, ProcessId,
};

pub use lock::{Access, InstanceLock, LockError, LockedState};

/// A community's name; shared by its instances.
#[derive(Debug, PartialEq, Eq)]
pub struct CommunityNames {
    pub id: CommunityId,
    pub slug: CommunitySlug,
    pub readable_name: Box<str>,
}

/// One plugin enabled for one community.
#[derive(Debug)]
pub struct Instance {
    pub id: InstanceId,
    pub generation: Generation,
    pub plugin: PluginName,
    pub community: Arc<CommunityNames>,
    /// `community_platform_id`: tells several instances of the plugin in the community apart.
    pub platform_id: Option<Box<str>>,
    /// JSON as it is stored: validated, with defaults, and with each secret as `{"$secret": pointer}`.
    config: Arc<str>,
    /// The plugin file whose schema accepted the stored config.
    plugin_digest_id: PluginDigestId,
    /// The plugin file that it is ready for calls on; a call on any other must first make it ready.
    ready_for: AtomicI64,
    /// The config as the last other version with a call accepted it.
    accepted: ArcSwapOption<Accepted>,
    /// What its webhooks were last verified with.
    pub webhook_secrets: ArcSwapOption<WebhookSecrets>,
    lock: Arc<RwLock<LockedState>>,
    /// Calls in flight. Shared like the lock: a call that began on the old `Instance` may still write.
    calls: Arc<AtomicU32>,
}

/// The stored config as another version of the plugin accepts it, with that version's defaults.
#[derive(Debug)]
struct Accepted {
    plugin_digest_id: PluginDigestId,
    config: Arc<str>,
}

/// What the webhooks of an instance are verified with, for one version of its plugin: read from the config and
/// decrypted once.
#[derive(Debug)]
pub struct WebhookSecrets {
    pub plugin_digest_id: PluginDigestId,
    /// The last part of the URL, if it has one more.
    pub slug: Option<SecretString>,
    /// The key that signs them, if the config has one; or why it is not usable.
    pub key: Option<Result<SecretSlice<u8>, String>>,
}

/// The process of a call: what is known before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessRef {
    pub id: ProcessId,
    /// The id in its URL.
    pub public_id: Arc<str>,
    /// Of its type, as the manifest has it.
    pub name: Arc<str>,
    /// A call of `start`: the process is not stored yet.
    pub is_new: bool,
}

/// What a new instance is made from.
pub struct Facts {
    pub id: InstanceId,
    pub generation: Generation,
    pub plugin: PluginName,
    pub community: Arc<CommunityNames>,
    pub platform_id: Option<Box<str>>,
    pub config: Arc<str>,
    pub plugin_digest_id: PluginDigestId,
}

impl Instance {
    pub fn new(facts: Facts) -> Self {
        let locked_state = LockedState::of(facts.generation);
        Self::with_lock(facts, Arc::new(RwLock::new(locked_state)), Arc::default())
    }

    /// The same instance after a change, with the lock of the old one.
    pub fn changed(&self, facts: Facts) -> Self {
        Self::with_lock(facts, self.lock.clone(), self.calls.clone())
    }

    /// The same instance after its community got another name.
    pub fn in_community(&self, community: Arc<CommunityNames>) -> Self {
        let renamed = self.changed(Facts {
            id: self.id,
            generation: self.generation,
            plugin: self.plugin.clone(),
            community,
            platform_id: self.platform_id.clone(),
            config: self.config.clone(),
            plugin_digest_id: self.plugin_digest_id,
        });
        renamed.accepted.store(self.accepted.load_full());
        renamed.ready_for.store(self.ready_for.load(Ordering::SeqCst), Ordering::SeqCst);
        renamed
    }

    fn with_lock(facts: Facts, lock: Arc<RwLock<LockedState>>, calls: Arc<AtomicU32>) -> Self {
        Self {
            id: facts.id,
            generation: facts.generation,
            plugin: facts.plugin,
            community: facts.community,
            platform_id: facts.platform_id,
            config: facts.config,
            plugin_digest_id: facts.plugin_digest_id,
            ready_for: AtomicI64::new(facts.plugin_digest_id.0),
            accepted: ArcSwapOption::empty(),
            webhook_secrets: ArcSwapOption::empty(),
            lock,
            calls,
        }
    }

    /// Whether it belongs to the host, and to no community.
    pub fn is_of_host(&self) -> bool {
        self.community.id == CommunityId::HOST
    }

    /// The config as it is stored.
    pub fn stored_config(&self) -> &Arc<str> {
        &self.config
    }

    /// The config for that version of the plugin, if the instance is ready for calls on that version.
    pub fn config_for(&self, plugin_digest_id: PluginDigestId) -> Option<Arc<str>> {
        if self.ready_for.load(Ordering::SeqCst) != plugin_digest_id.0 {
            return None;
        }
        if self.plugin_digest_id == plugin_digest_id {
            return Some(self.config.clone());
        }
        let accepted = self.accepted.load();
        accepted
            .as_ref()
            .filter(|one| one.plugin_digest_id == plugin_digest_id)
            .map(|one| one.config.clone())
    }

    /// That version's schema has accepted the stored config, and added its own defaults. From now on calls use
    /// that version and no other.
    pub fn accept(&self, plugin_digest_id: PluginDigestId, config: Arc<str>) {
        if self.plugin_digest_id != plugin_digest_id {
            self.accepted.store(Some(Arc::new(Accepted { plugin_digest_id, config })));
        }
        self.ready_for.store(plugin_digest_id.0, Ordering::SeqCst);
    }

    /// No call begins before a version has accepted the config again.
    pub fn close(&self) {
        self.ready_for.store(PluginDigestId::NONE.0, Ordering::SeqCst);
    }

    /// Calls in flight now.
    pub fn in_flight(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }

    /// Begins a call, unless `limit` are in flight; dropping the answer ends it.
    ///
    /// In one order with `close` and `in_flight`: whoever closes it and then sees no call in flight knows that
    /// no call begins any more.
    pub fn enter(&self, limit: u32) -> Option<InFlight> {
        if self.calls.fetch_add(1, Ordering::SeqCst) < limit {
            return Some(InFlight(self.calls.clone()));
        }
        self.calls.fetch_sub(1, Ordering::SeqCst);
        None
    }
}

/// A call in flight on an instance.
#[derive(Debug)]
pub struct InFlight(Arc<AtomicU32>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What an encrypted secret of a config is bound to, so that it can be decrypted nowhere else.
pub fn secret_context(instance: InstanceId, pointer: &str) -> Vec<u8> {
    format!("instance/{instance}{pointer}").into_bytes()
}
