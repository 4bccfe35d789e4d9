//! Which instances a platform-wide webhook is for: by `community_platform_id`, and by the values of the
//! config that a plugin declares as its route keys.
//!
//! Kept in step with the index of communities. Which keys a plugin has is learnt when it is first asked
//! for; another version may have others.

use std::collections::HashMap;
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde_json::Value;

use moothall_core::ids::{InstanceId, PluginDigestId, PluginName};
use moothall_core::instance::Instance;
use moothall_core::web::Target;

/// Of a plugin: a JSON Pointer into the config (empty: the `community_platform_id`) and its text there.
type RouteKey = (PluginName, String, String);

#[derive(Default)]
struct Table {
    routes: HashMap<RouteKey, Vec<InstanceId>>,
    /// The route keys in use, and the plugin file that declares them.
    keys: HashMap<PluginName, (PluginDigestId, Vec<String>)>,
    /// Instances, by plugin.
    enabled: HashMap<PluginName, usize>,
}

#[derive(Default)]
pub struct Routes(RwLock<Table>);

impl Routes {
    /// Replaces the routes of `gone` by those of `new` in one step, so that an instance in both can always be found.
    pub fn replace<'a>(
        &self,
        gone: impl Iterator<Item = &'a Arc<Instance>>,
        new: impl Iterator<Item = &'a Arc<Instance>>,
    ) {
        let mut table = self.write();
        gone.for_each(|instance| table.remove(instance));
        new.for_each(|instance| table.add(instance));
    }

    /// Learns a plugin's route keys: reads all its instances once for each of its versions.
    pub fn use_keys(
        &self,
        plugin: &PluginName,
        digest_id: PluginDigestId,
        keys: &[String],
        all: impl FnOnce() -> Vec<Arc<Instance>>,
    ) {
        if self.read().keys.get(plugin).is_some_and(|(known, _)| *known == digest_id) {
            return;
        }
        let mut table = self.write();
        table.routes.retain(|(of, pointer, _), _| of != plugin || pointer.is_empty());
        table.keys.insert(plugin.clone(), (digest_id, keys.to_vec()));
        for instance in all().iter().filter(|instance| instance.plugin == *plugin) {
            for route in routes_of(&table, instance) {
                let ids = table.routes.entry(route).or_default();
                if !ids.contains(&instance.id) {
                    ids.push(instance.id);
                }
            }
        }
    }

    /// Whether any community has an instance of the plugin.
    pub fn is_enabled(&self, plugin: &PluginName) -> bool {
        self.read().enabled.contains_key(plugin)
    }

    pub fn find(&self, plugin: &PluginName, target: &Target) -> Vec<InstanceId> {
        let (pointer, value) = match target {
            Target::PlatformId(id) => (String::new(), id.clone()),
            Target::RouteKey { pointer, value } => (pointer.clone(), value.clone()),
        };
        self.read().routes.get(&(plugin.clone(), pointer, value)).cloned().unwrap_or_default()
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Table {
    fn add(&mut self, instance: &Instance) {
        *self.enabled.entry(instance.plugin.clone()).or_default() += 1;
        for route in routes_of(self, instance) {
            let ids = self.routes.entry(route).or_default();
            if !ids.contains(&instance.id) {
                ids.push(instance.id);
            }
        }
    }

    fn remove(&mut self, instance: &Instance) {
        if let Some(count) = self.enabled.get_mut(&instance.plugin) {
            *count -= 1;
            if *count == 0 {
                self.enabled.remove(&instance.plugin);
            }
        }
        for route in routes_of(self, instance) {
            let Some(ids) = self.routes.get_mut(&route) else { continue };
            ids.retain(|id| *id != instance.id);
            if ids.is_empty() {
                self.routes.remove(&route);
            }
        }
    }
}

fn routes_of(table: &Table, instance: &Instance) -> Vec<RouteKey> {
    let plugin = &instance.plugin;
    let platform = instance.platform_id.as_deref();
    let platform = platform.map(|id| (plugin.clone(), String::new(), id.to_owned()));
    let mut routes: Vec<_> = platform.into_iter().collect();
    let keys = table.keys.get(plugin).map_or(&[][..], |(_, keys)| keys);
    if keys.is_empty() {
        return routes;
    }
    let config: Value = serde_json::from_str(instance.stored_config()).unwrap_or_default();
    let texts = keys.iter().filter_map(|key| Some((key, scalar(config.pointer(key)?)?)));
    routes.extend(texts.map(|(key, text)| (plugin.clone(), key.clone(), text)));
    routes
}

/// A secret is an object here, and so never a route.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}
