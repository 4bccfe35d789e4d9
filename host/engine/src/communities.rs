//! The index of communities and their instances, in memory: every call finds its instance here.
//!
//! Read without a lock and without the database. Whoever commits a change to the store makes the same change here,
//! afterwards. Mutations of one community wait for each other here.

#[cfg(test)]
pub mod made;
mod routes;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::OwnedMutexGuard;

use moothall_core::ids::{
    CommunityId, CommunitySlug, InstanceId, PluginDigestId, PluginName, ProcessId,
};
use moothall_core::instance::{CommunityNames, Facts, Instance};
use moothall_core::web::Target;
use moothall_store::{Store, StoreError};

use routes::Routes;

/// A community as it is now. A change makes a new one.
#[derive(Clone)]
pub struct Community {
    pub names: Arc<CommunityNames>,
    pub instances: Box<[Arc<Instance>]>,
}

/// Why no instance was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResolveError {
    NotEnabled,
    /// Several, and the caller did not say which: their `community_platform_id`s.
    Ambiguous(Vec<String>),
    /// No instance has that `community_platform_id`; these are the ones that exist.
    NoSuchPlatform(Vec<String>),
}

impl Community {
    /// The instance of `plugin`; if there are several, the one with that `community_platform_id`.
    pub fn resolve(
        &self,
        plugin: &str,
        platform_id: Option<&str>,
    ) -> Result<&Arc<Instance>, ResolveError> {
        let mut of_plugin =
            self.instances.iter().filter(|instance| instance.plugin.as_str() == plugin);
        let Some(first) = of_plugin.next() else { return Err(ResolveError::NotEnabled) };
        match (platform_id, of_plugin.next()) {
            (None, None) => Ok(first),
            (None, Some(_)) => Err(ResolveError::Ambiguous(self.platform_ids(plugin))),
            (Some(wanted), _) => self
                .find(plugin, Some(wanted))
                .ok_or_else(|| ResolveError::NoSuchPlatform(self.platform_ids(plugin))),
        }
    }

    /// Its instances of one plugin.
    pub fn of_plugin<'a>(&'a self, plugin: &'a str) -> impl Iterator<Item = &'a Arc<Instance>> {
        self.instances.iter().filter(move |one| one.plugin.as_str() == plugin)
    }

    /// The instance with exactly that plugin and `community_platform_id`.
    pub fn find(&self, plugin: &str, platform_id: Option<&str>) -> Option<&Arc<Instance>> {
        self.instances.iter().find(|instance| {
            instance.plugin.as_str() == plugin && instance.platform_id.as_deref() == platform_id
        })
    }

    /// The `community_platform_id`s of the plugin's instances.
    pub fn platform_ids(&self, plugin: &str) -> Vec<String> {
        let of_plugin = self.of_plugin(plugin);
        of_plugin
            .filter_map(|instance| instance.platform_id.as_deref().map(str::to_owned))
            .collect()
    }
}

/// All communities of a host.
pub struct Communities {
    by_slug: papaya::HashMap<CommunitySlug, Arc<Community>>,
    by_id: papaya::HashMap<InstanceId, Arc<Instance>>,
    routes: Routes,
    last_community: AtomicI64,
    last_instance: AtomicI64,
    last_process: AtomicI64,
    mutating: Mutex<HashMap<CommunitySlug, Arc<tokio::sync::Mutex<()>>>>,
}

impl Communities {
    /// Reads all of them.
    pub fn load(store: &Store) -> Result<Self, StoreError> {
        let (communities, mut instances, last) = store
            .read(|reader| Ok((reader.communities()?, reader.instances()?, reader.last_ids()?)))?;
        let last_process = store.read(|reader| reader.last_process())?;
        let by_slug = papaya::HashMap::with_capacity(communities.len());
        let by_id = papaya::HashMap::new();
        let routes = Routes::default();
        for row in communities {
            let host = (row.id == CommunityId::HOST).then(CommunitySlug::of_host);
            let Some(slug) = host.or_else(|| CommunitySlug::parse(&row.slug).ok()) else {
                tracing::error!(
                    slug = row.slug,
                    "a community's slug in the database is not valid; it is left out"
                );
                continue;
            };
            let names = Arc::new(CommunityNames {
                id: row.id,
                slug,
                readable_name: row.readable_name.into(),
            });
            let rows = instances.remove(&row.id).unwrap_or_default();
            let instances: Box<[_]> =
                rows.into_iter().filter_map(|row| loaded(row, &names)).collect();
            show(&by_id, &instances);
            routes.replace(std::iter::empty(), instances.iter());
            by_slug.pin().insert(names.slug.clone(), Arc::new(Community { names, instances }));
        }
        Ok(Self {
            by_slug,
            by_id,
            routes,
            last_community: AtomicI64::new(last.0.0),
            last_instance: AtomicI64::new(last.1.0),
            last_process: AtomicI64::new(last_process),
            mutating: Mutex::default(),
        })
    }

    pub fn get(&self, slug: &str) -> Option<Arc<Community>> {
        if slug.is_empty() {
            return None;
        }
        self.by_slug.pin().get(slug).cloned()
    }

    /// Like `get`, but also finds community 0, in which the host keeps its own instances.
    pub fn of(&self, slug: &CommunitySlug) -> Option<Arc<Community>> {
        self.by_slug.pin().get(slug).cloned()
    }

    /// The instances of plugins of host scope.
    pub fn of_host(&self) -> Option<Arc<Community>> {
        self.of(&CommunitySlug::of_host())
    }

    /// Every instance now, in ascending id.
    pub fn all_instances(&self) -> Vec<Arc<Instance>> {
        let mut all: Vec<_> = self.by_id.pin().values().cloned().collect();
        all.sort_by_key(|one| one.id);
        all
    }

    /// The instance with that id, as it is now.
    pub fn instance(&self, id: InstanceId) -> Option<Arc<Instance>> {
        self.by_id.pin().get(&id).cloned()
    }

    /// How many instances there are.
    pub fn instances(&self) -> usize {
        self.by_id.len()
    }

    /// Whether any community has an instance of the plugin.
    pub fn is_enabled(&self, plugin: &str) -> bool {
        PluginName::parse(plugin).is_ok_and(|plugin| self.routes.is_enabled(&plugin))
    }

    pub fn len(&self) -> usize {
        self.by_slug.len().saturating_sub(1)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An id that no community has or had.
    pub fn next_community(&self) -> CommunityId {
        CommunityId(self.last_community.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// An id that no instance has or had.
    pub fn next_instance(&self) -> InstanceId {
        InstanceId(self.last_instance.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// An id that no process has or had.
    pub fn next_process(&self) -> ProcessId {
        ProcessId(self.last_process.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Replaces the community at `before` by what was committed.
    pub fn publish(&self, before: Option<&CommunitySlug>, community: Option<Community>) {
        let map = self.by_slug.pin();
        let now = community.as_ref().map(|community| community.names.slug.clone());
        self.publish_instances(before.and_then(|before| map.get(before)), community.as_ref());
        if let Some(community) = community {
            map.insert(community.names.slug.clone(), Arc::new(community));
        }
        // Removed last, so that a community that is being renamed can always be found.
        if let Some(before) = before.filter(|before| now.as_ref() != Some(before)) {
            map.remove(before);
        }
    }

    fn publish_instances(&self, before: Option<&Arc<Community>>, after: Option<&Community>) {
        let after = after.map_or(&[][..], |community| &community.instances);
        let before = before.map_or(&[][..], |community| &community.instances);
        let is_in = |list: &[Arc<Instance>], one: &Arc<Instance>| {
            list.iter().any(|other| Arc::ptr_eq(other, one))
        };
        // Inserted first, so that an instance that changes can always be found.
        for new in after.iter().filter(|one| !is_in(before, one)) {
            self.by_id.pin().insert(new.id, new.clone());
        }
        let gone = || before.iter().filter(|one| !is_in(after, one));
        self.routes.replace(gone(), after.iter().filter(|one| !is_in(before, one)));
        for gone in gone().filter(|gone| !after.iter().any(|one| one.id == gone.id)) {
            self.by_id.pin().remove(&gone.id);
        }
    }

    /// The instances of a plugin that a platform-wide webhook is for, without a scan. `route_keys` are
    /// the manifest's, of the plugin file with that digest.
    pub fn routed(
        &self,
        plugin: &PluginName,
        digest_id: PluginDigestId,
        route_keys: &[String],
        target: &Target,
    ) -> Vec<Arc<Instance>> {
        let all = || self.by_id.pin().values().cloned().collect::<Vec<_>>();
        self.routes.use_keys(plugin, digest_id, route_keys, all);
        let ids = self.routes.find(plugin, target);
        ids.into_iter().filter_map(|id| self.instance(id)).collect()
    }

    /// Waits until no other mutation changes the communities with these slugs.
    pub async fn mutation_lock(self: &Arc<Self>, mut slugs: Vec<CommunitySlug>) -> MutationLock {
        // All take the locks in the same order, so that two renames cannot wait for each other.
        slugs.sort();
        slugs.dedup();
        // Made before the first wait, so that its drop cleans up even if the wait is given up.
        let mut mutation_lock =
            MutationLock { communities: self.clone(), slugs, guards: Vec::new() };
        for slug in &mutation_lock.slugs {
            let mutex = self.mutating().entry(slug.clone()).or_default().clone();
            mutation_lock.guards.push(mutex.lock_owned().await);
        }
        mutation_lock
    }

    fn mutating(
        &self,
    ) -> std::sync::MutexGuard<'_, HashMap<CommunitySlug, Arc<tokio::sync::Mutex<()>>>> {
        self.mutating.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The right to change some communities; dropped when the change is committed and published.
pub struct MutationLock {
    communities: Arc<Communities>,
    slugs: Vec<CommunitySlug>,
    guards: Vec<OwnedMutexGuard<()>>,
}

impl Drop for MutationLock {
    fn drop(&mut self) {
        self.guards.clear();
        let mut mutating = self.communities.mutating();
        for slug in &self.slugs {
            // Only the map still holds this lock: nobody waits for it.
            if mutating.get(slug).is_some_and(|mutex| Arc::strong_count(mutex) == 1) {
                mutating.remove(slug);
            }
        }
    }
}

fn show(by_id: &papaya::HashMap<InstanceId, Arc<Instance>>, instances: &[Arc<Instance>]) {
    let map = by_id.pin();
    for instance in instances {
        map.insert(instance.id, instance.clone());
    }
}

fn loaded(row: moothall_store::InstanceRow, names: &Arc<CommunityNames>) -> Option<Arc<Instance>> {
    let Ok(plugin) = PluginName::parse(&row.plugin) else {
        tracing::error!(
            instance = row.id.0,
            plugin = row.plugin,
            "an instance's plugin is no name; it is left out"
        );
        return None;
    };
    Some(Arc::new(Instance::new(Facts {
        id: row.id,
        generation: row.generation,
        plugin,
        community: names.clone(),
        platform_id: row.platform_id.map(Into::into),
        config: row.config.into(),
        plugin_digest_id: row.plugin_digest_id,
    })))
}
