//! The guests that live on between calls, one for each instance of a resident plugin.
//!
//! One call at a time. One that a fault ended rests before the next is made, longer each time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::ValidatedCall;
use crate::guest::{Ended, Export, Fault, Live, Subject};
use crate::ids::{Generation, InstanceId, PluginName};
use crate::plugins::Plugin;
use crate::slots::{Slot, Slots};

/// After a fault, until a new guest is made; doubled with each fault that follows, up to `REST_MOST`.
const REST: Duration = Duration::from_secs(1);
const REST_MOST: Duration = Duration::from_secs(60);

/// All of a host.
pub struct Residents {
    by_instance: papaya::HashMap<InstanceId, Arc<Mutex<Resident>>>,
    limit: usize,
    slots: Slots,
}

struct Resident {
    /// One of its plugin's; none once it was forgotten.
    slot: Option<Slot>,
    live: Option<Live>,
    /// The version and the configuration that it was made for.
    made_for: Option<(Arc<Plugin>, Generation)>,
    /// One after the other.
    faults: u32,
    rests_until: Option<Instant>,
}

impl Residents {
    pub fn new(limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Self { by_instance: papaya::HashMap::new(), limit, slots: Slots::of(limit) }
    }

    /// One call, when the calls before it have ended.
    pub async fn call(
        &self,
        call: &ValidatedCall,
        export: Export,
        subject: Subject,
    ) -> Result<Ended, Fault> {
        let plugin = call.plugin();
        let instance =
            call.instance().ok_or_else(|| Fault::Host("a resident of no instance".into()))?;
        let resident = self.of(instance.id, &plugin.name)?;
        let wait = Duration::from_millis(plugin.terms.limits.lock_wait_ms);
        let turn = tokio::time::timeout(wait, resident.lock()).await;
        let mut resident = turn.map_err(|_| Fault::InstanceBusy)?;
        resident.may_begin()?;
        let live = resident.take(plugin, instance.generation);
        let (ended, live) =
            plugin.guest.call_live(live, export, plugin.terms.clone(), subject).await;
        resident.note(live, call);
        Ok(ended)
    }

    /// One for each instance, as long as there are not too many of all plugins, or of this one.
    fn of(&self, instance: InstanceId, plugin: &PluginName) -> Result<Arc<Mutex<Resident>>, Fault> {
        let all = self.by_instance.pin();
        if let Some(known) = all.get(&instance) {
            return Ok(known.clone());
        }
        if all.len() >= self.limit {
            return Err(Fault::Overloaded("too many guests live on; raise residents in [limits]"));
        }
        let slot = self.slots.take(plugin).ok_or(Fault::Overloaded(
            "the plugin has three quarters of the guests that live on; raise residents in [limits]",
        ))?;
        Ok(all.get_or_insert(instance, Arc::new(Mutex::new(Resident::new(slot)))).clone())
    }

    /// What is kept of instances that are gone is dropped, and what no call will take again because another
    /// plugin file serves, or none. `serves` is the one of an instance that is there.
    pub fn forget(&self, serves: impl Fn(InstanceId) -> Option<Arc<Plugin>>) {
        self.by_instance.pin().retain(|id, resident| {
            // One that is at work is dropped the next time.
            let Ok(mut resident) = resident.try_lock() else { return true };
            let serves = serves(*id).filter(|plugin| plugin.manifest.resident);
            let stays = serves.is_some_and(|serves| resident.is_of(&serves));
            if !stays {
                resident.end();
            }
            stays
        });
    }
}

impl Resident {
    fn new(slot: Slot) -> Self {
        Self { slot: Some(slot), live: None, made_for: None, faults: 0, rests_until: None }
    }

    /// Whether it was made for that load of the plugin, or for none yet.
    fn is_of(&self, serves: &Arc<Plugin>) -> bool {
        self.made_for.as_ref().is_none_or(|(plugin, _)| Arc::ptr_eq(plugin, serves))
    }

    /// Gives back what it has at once: the map keeps what is removed from it for as long as it likes.
    fn end(&mut self) {
        self.live = None;
        self.slot = None;
    }

    fn may_begin(&self) -> Result<(), Fault> {
        match self.rests_until {
            Some(until) if Instant::now() < until => {
                Err(Fault::Overloaded("the resident plugin failed and is being restarted"))
            }
            _ => Ok(()),
        }
    }

    /// The live guest, if it is of this load of the plugin and this configuration: another load may have
    /// other grants and limits.
    fn take(&mut self, plugin: &Arc<Plugin>, generation: Generation) -> Option<Live> {
        let live = self.live.take();
        let before = self.made_for.replace((plugin.clone(), generation));
        let is_same = |(before, of): (Arc<Plugin>, Generation)| {
            Arc::ptr_eq(&before, plugin) && of == generation
        };
        live.filter(|_| before.is_some_and(is_same))
    }

    fn note(&mut self, live: Option<Live>, call: &ValidatedCall) {
        self.live = live;
        if self.live.is_some() {
            self.faults = 0;
            self.rests_until = None;
            return;
        }
        let rest = REST.saturating_mul(1 << self.faults.min(6)).min(REST_MOST);
        self.faults = self.faults.saturating_add(1);
        self.rests_until = Some(Instant::now() + rest);
        let (plugin, instance) = (call.plugin().name.as_str(), call.instance().map(|one| one.id.0));
        tracing::warn!(
            plugin,
            instance,
            faults = self.faults,
            rest_ms = rest.as_millis(),
            "a resident plugin failed: its memory is gone, and it is restarted"
        );
    }
}
