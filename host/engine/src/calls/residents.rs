//! The guests that live on between calls, one for each instance of a resident plugin.
//!
//! One call at a time. After a fault the next guest is made when a backoff is over, which grows with each fault.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::ValidatedCall;
use crate::plugins::Plugin;
use moothall_core::fair_share::{FairShare, SharePermit};
use moothall_core::ids::{Generation, InstanceId, PluginName};
use moothall_core::retry::RESTART;
use moothall_guest::{CallContext, Ended, Export, Fault, Live};

/// All of a host.
pub struct Residents {
    by_instance: papaya::HashMap<InstanceId, Arc<Mutex<Resident>>>,
    limit: usize,
    fair_share: FairShare,
}

struct Resident {
    /// One of its plugin's; none once it was forgotten.
    permit: Option<SharePermit>,
    live: Option<Live>,
    /// The version and the configuration that it was made for.
    made_for: Option<(Arc<Plugin>, Generation)>,
    /// In a row.
    faults: u32,
    backoff_until: Option<Instant>,
}

impl Residents {
    pub fn new(limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Self { by_instance: papaya::HashMap::new(), limit, fair_share: FairShare::of(limit) }
    }

    /// One call, when the calls before it have ended.
    pub async fn call(
        &self,
        call: &ValidatedCall,
        export: Export,
        call_context: CallContext,
    ) -> Result<Ended, Fault> {
        let plugin = call.plugin();
        let instance =
            call.instance().ok_or_else(|| Fault::Host("a resident of no instance".into()))?;
        let resident = self.of(instance.id, &plugin.name)?;
        let wait = Duration::from_millis(plugin.context.limits.lock_wait_ms);
        let locked = tokio::time::timeout(wait, resident.lock()).await;
        let mut resident = locked.map_err(|_| Fault::InstanceBusy)?;
        resident.may_begin()?;
        let live = resident.take(plugin, instance.generation);
        let (ended, live) =
            plugin.guest.call_live(live, export, plugin.context.clone(), call_context).await;
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
        let permit = self.fair_share.take(plugin).ok_or(Fault::Overloaded(
            "the plugin has three quarters of the guests that live on; raise residents in [limits]",
        ))?;
        Ok(all.get_or_insert(instance, Arc::new(Mutex::new(Resident::new(permit)))).clone())
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
    fn new(permit: SharePermit) -> Self {
        Self { permit: Some(permit), live: None, made_for: None, faults: 0, backoff_until: None }
    }

    /// Whether it was made for that load of the plugin, or for none yet.
    fn is_of(&self, serves: &Arc<Plugin>) -> bool {
        self.made_for.as_ref().is_none_or(|(plugin, _)| Arc::ptr_eq(plugin, serves))
    }

    /// Gives back what it has at once: the map keeps what is removed from it for as long as it likes.
    fn end(&mut self) {
        self.live = None;
        self.permit = None;
    }

    fn may_begin(&self) -> Result<(), Fault> {
        match self.backoff_until {
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
            self.backoff_until = None;
            return;
        }
        self.faults = self.faults.saturating_add(1);
        let backoff = RESTART.wait(self.faults);
        self.backoff_until = Some(Instant::now() + backoff);
        let (plugin, instance) = (call.plugin().name.as_str(), call.instance().map(|one| one.id.0));
        tracing::warn!(
            plugin,
            instance,
            faults = self.faults,
            backoff_ms = backoff.as_millis(),
            "a resident plugin failed: its memory is gone, and it is restarted"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(name: &str) -> PluginName {
        PluginName::parse(name).unwrap()
    }

    #[test]
    fn each_instance_has_one_guest_and_a_plugin_three_quarters_of_all() {
        let residents = Residents::new(4);
        let of = |instance: i64, name: &str| residents.of(InstanceId(instance), &plugin(name));
        let one = of(1, "greedy").unwrap();
        assert!(Arc::ptr_eq(&one, &of(1, "greedy").unwrap()), "the same one again");
        of(2, "greedy").unwrap();
        of(3, "greedy").unwrap();
        let refused = of(4, "greedy").map(drop).unwrap_err();
        assert!(refused.to_string().contains("three quarters"), "{refused}");
        of(5, "modest").unwrap();
        let refused = of(6, "another").map(drop).unwrap_err();
        assert!(refused.to_string().contains("too many guests live on"), "{refused}");
    }

    #[tokio::test]
    async fn what_no_plugin_serves_gives_its_place_back_unless_it_is_at_work() {
        let residents = Residents::new(4);
        let of = |instance: i64| residents.of(InstanceId(instance), &plugin("greedy"));
        let at_work = of(1).unwrap();
        let guard = at_work.lock().await;
        of(2).unwrap();
        of(3).unwrap();
        residents.forget(|_| None);
        assert!(Arc::ptr_eq(&at_work, &of(1).unwrap()), "it stays until it has ended");
        of(4).unwrap();
        of(5).unwrap();
        assert!(of(6).is_err(), "two places were given back");
        drop(guard);
        residents.forget(|_| None);
        assert!(!Arc::ptr_eq(&at_work, &of(1).unwrap()));
    }

    #[test]
    fn one_that_failed_begins_no_call_until_its_backoff_is_over() {
        let fair_share = FairShare::of(1);
        let mut resident = Resident::new(fair_share.take(&plugin("probe")).unwrap());
        resident.may_begin().unwrap();
        resident.backoff_until = Some(Instant::now() + RESTART.wait(1));
        assert!(matches!(resident.may_begin(), Err(Fault::Overloaded(_))));
        resident.backoff_until = Some(Instant::now());
        resident.may_begin().unwrap();
    }
}
