//! The commit of a call: its effects, and whatever must be stored with them, in one write. Under its instance's lock to the
//! end; or only until it is queued, if the next call can run on it and wait for it.

use std::sync::Arc;
use std::time::Instant;

use super::sending::Sending;
use super::{Calls, Collected, ValidatedCall};
use moothall_core::chain::{ChainBounds, Link, StateWrite};
use moothall_core::config::Limits;
use moothall_core::day_budget::{Charge, ROW_BYTES};
use moothall_core::effects::{AccountChange, ProcessChange, ProcessStatus};
use moothall_core::events::instance_scope;
use moothall_core::instance::{Instance, InstanceLock, ProcessRef};
use moothall_guest::PluginContext;
use moothall_store::{Audience, NewEvent, StateChange, StoreError, Tx};

#[cfg(test)]
mod tests;

/// The refusal of a call whose plugin had used up its day only after the guest had returned.
pub const DAY_USED_UP: &str =
    "the plugin has had its stored_bytes_per_day stored; see /api/internal/plugins";

/// What must be stored with a call or not at all: a schedule's advance, work that follows, a
/// remembered response. Runs after the effects, inside the same write. What it returns is kept until the write has
/// ended, and is handed to whoever waits for it.
pub type ExtraWrite<T = ()> = Box<dyn FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send>;

/// The effects of a call, as the store takes them.
#[derive(Debug, Default)]
pub struct Writes {
    pub state: Vec<StateChange>,
    pub events: Vec<NewEvent>,
    pub process: Option<(Arc<ProcessRef>, ProcessChange)>,
    pub accounts: Vec<AccountChange>,
    /// Who else gets the events.
    pub(super) sending: Option<Sending>,
}

impl Writes {
    /// How many rows they touch, about.
    pub fn rows(&self) -> usize {
        let process = self.process.as_ref().map_or(0, |(_, change)| 1 + change.state.len());
        self.state.len() + 2 * self.events.len() + process + self.accounts.len()
    }

    /// Whether they complete the call's process.
    pub fn completes(&self) -> bool {
        let process = self.process.as_ref();
        process.is_some_and(|(_, change)| change.status == Some(ProcessStatus::Completed))
    }

    /// How many bytes they bring, about.
    pub fn bytes(&self) -> usize {
        let state = self.state.iter();
        let state = state.map(|one| one.key.len() + one.value.as_ref().map_or(0, |one| one.len()));
        let events = self.events.iter().map(|event| event.data.len());
        let process = self.process.iter().map(|(_, change)| change.bytes());
        state.chain(events).chain(process).sum()
    }

    /// How many bytes they add to what is stored, about. State is bounded for itself.
    pub fn stored_bytes(&self) -> u64 {
        let of = |text: Option<&String>| text.map_or(0, String::len) as u64;
        let event =
            |event: &NewEvent| ROW_BYTES + of(Some(&event.data)) + of(event.initiator.as_ref());
        let events: u64 = self.events.iter().map(event).sum();
        let process = self.process.as_ref().map_or(0, |(_, change)| change.stored_bytes());
        let accounts: u64 = self.accounts.iter().map(AccountChange::stored_bytes).sum();
        events + process + accounts
    }

    /// Whether later calls see them before they are stored: they read everything but state in tables.
    fn are_seen_before_they_are_stored(&self) -> bool {
        self.process.is_none()
            && self.accounts.is_empty()
            && self.events.iter().all(|event| event.dedupe.is_none())
    }

    /// The state that calls see before it is stored; none if that would be too much.
    fn shown(&self, link: &Link, bounds: ChainBounds) -> Option<Vec<StateWrite>> {
        let writes = self.state.iter().map(|one| (&*one.key, one.value.as_deref()));
        let shared = |one: &StateChange| (one.key.clone(), one.value.clone());
        link.has_room(bounds, writes).then(|| self.state.iter().map(shared).collect())
    }

    /// Stores them for an existing instance.
    pub fn apply(self, tx: &Tx<'_>, instance: &Instance, now: i64) -> Result<(), StoreError> {
        tx.apply_state(instance.id, &self.state)?;
        let items = match &self.sending {
            Some(sending) => sending.items(tx, instance, &self.events, now)?,
            None => Vec::new(),
        };
        self.events.into_iter().try_for_each(|event| tx.append_event(event))?;
        if let Some((process, change)) = &self.process {
            tx.apply_process(process, change, now)?;
        }
        tx.apply_accounts(instance.community.id, &self.accounts, now)?;
        items.into_iter().try_for_each(|item| tx.append_event(item))
    }
}

impl Collected {
    /// What a call wants stored, with everything that the store needs to know of it.
    pub(super) fn of(call: &ValidatedCall, ended: moothall_guest::Ended, started: Instant) -> Self {
        let mut effects = ended.effects;
        let events = std::mem::take(&mut effects.events);
        let has_events = !events.is_empty();
        let state = effects.take_state().into_iter();
        let plugin_context = call.plugin().context.clone();
        let writes = Writes {
            state: state.map(|(key, value)| StateChange { key, value }).collect(),
            events: events.into_iter().filter_map(|event| new_event(call, event)).collect(),
            process: call.process().cloned().zip(effects.process.take()),
            accounts: std::mem::take(&mut effects.accounts),
            sending: has_events.then(|| Sending::of(call, started)).flatten(),
        };
        Self {
            instance: call.instance().cloned(),
            writes,
            http: effects.http,
            plugin_context,
            reservation: ended.reservation,
            more_reservations: Vec::new(),
            lock: ended.lock,
            state_bytes: ended.state_bytes,
        }
    }

    /// The effects of several calls as those of one.
    pub fn absorb(&mut self, later: Self) {
        let Self { writes, reservation, more_reservations, state_bytes, .. } = later;
        self.writes.state.extend(writes.state);
        self.writes.events.extend(writes.events);
        self.writes.accounts.extend(writes.accounts);
        self.state_bytes = state_bytes.or(self.state_bytes);
        self.more_reservations.push(reservation);
        self.more_reservations.extend(more_reservations);
    }

    /// Bytes of the instance's state with the effects, if they are known.
    pub fn state_bytes(&self) -> Option<u64> {
        self.state_bytes
    }

    /// The lock was taken by whoever made the call: it goes with the write.
    pub fn keep_locked_until_stored(&mut self, lock: InstanceLock) {
        self.lock = Some(lock);
    }

    /// Whether calls after this one may run on its effects before they are stored. What was sent is stored as soon as it
    /// can be.
    pub fn lets_others_go_on(&self) -> bool {
        self.http.is_empty() && self.writes.are_seen_before_they_are_stored()
    }

    pub fn is_empty(&self) -> bool {
        let Writes { state, events, process, accounts, sending: _ } = &self.writes;
        state.is_empty() && events.is_empty() && process.is_none() && accounts.is_empty()
    }
}

fn new_event(call: &ValidatedCall, event: moothall_core::effects::Emitted) -> Option<NewEvent> {
    let instance = call.instance()?;
    let source = call.plugin().name.to_string();
    Some(NewEvent {
        id: event.id,
        community: Some(instance.community.id),
        slug: instance.community.slug.to_string(),
        key: source.clone(),
        source,
        event_type: event.event_type,
        time: event.time,
        data: event.data,
        initiator: event.initiator,
        dedupe: event.dedupe_key.map(|key| (instance_scope(instance.id), key)),
        origin: call.origin().as_str(),
        instance: Some(instance.id),
        request_id: call.request_id().to_string(),
        audience: Audience::Endpoints,
    })
}

impl Calls {
    /// Stores what was collected, and then `extra`, whose result it returns; or nothing. The lock goes with the write
    /// and is released by the writer, unless the next call may run on what is queued.
    pub async fn commit<T: Send + 'static>(
        &self,
        collected: Collected,
        extra: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let lets_others_go_on = collected.lets_others_go_on();
        let Collected {
            instance,
            writes,
            reservation,
            more_reservations,
            lock,
            state_bytes,
            plugin_context,
            ..
        } = collected;
        let (now, bytes) = (self.context.clock.now_ms(), writes.bytes());
        let charge = charge(&plugin_context, &writes, now)?;
        let mut lock = self.or_all_stored(lock).await?;
        let link = lock.as_mut().and_then(InstanceLock::link).transpose();
        let link = link.map_err(StoreError::before_it)?;
        let state = writes.state.iter().map(|one| (&one.key, &one.value));
        let expected = lock.as_ref().map_or_else(Vec::new, |lock| lock.expect_writes(state));
        let shown = link.as_ref().filter(|_| lets_others_go_on);
        let shown = shown.and_then(|link| writes.shown(link, bounds(&plugin_context.limits)));
        let leading = if shown.is_some() { lock.take() } else { None };
        let release = move |committed: Option<&T>| {
            if let Some(lock) = lock.filter(|_| committed.is_some()) {
                release(lock, &expected, state_bytes);
            }
            settle(charge, committed.is_some());
            drop((reservation, more_reservations));
        };
        let run = move |tx: &Tx<'_>| {
            if let Some(instance) = &instance {
                tx.require_generation(instance.id, instance.generation)?;
                writes.apply(tx, instance, now)?;
            }
            extra(tx)
        };
        let (store, release) = (&self.context.store, Box::new(release));
        let queued = store.queue_write("call.commit", bytes, run, Some(release), link)?;
        if let (Some(lock), Some(shown)) = (leading, shown) {
            lock.lead(shown, state_bytes);
        }
        queued.stored().await
    }

    /// Whoever shares the lock has no place in the chain, which has an order. If it has seen what is not stored, it waits
    /// until that is, without the lock.
    async fn or_all_stored(
        &self,
        lock: Option<InstanceLock>,
    ) -> Result<Option<InstanceLock>, StoreError> {
        let shared = lock.as_ref().filter(|lock| lock.is_shared());
        let Some(seen) = shared.and_then(InstanceLock::seen).cloned() else { return Ok(lock) };
        drop(lock);
        self.context.store.until_stored(&seen).await?;
        Ok(None)
    }
}

/// How far calls may run ahead of what is stored.
fn bounds(limits: &Limits) -> ChainBounds {
    ChainBounds { writes: limits.unstored_writes, bytes: limits.unstored_bytes }
}

/// Counts what a plugin has stored with its day; none where there is nothing.
pub fn charge(
    plugin_context: &PluginContext,
    writes: &Writes,
    now: i64,
) -> Result<Option<Charge>, StoreError> {
    let bytes = writes.stored_bytes();
    if bytes == 0 {
        return Ok(None);
    }
    plugin_context.charge(now, bytes).map(Some).map_err(|_| StoreError::NoRoom(DAY_USED_UP))
}

/// Keeps the charge of a write that was stored; gives back that of one that was not.
pub fn settle(charge: Option<Charge>, is_stored: bool) {
    if let Some(charge) = charge.filter(|_| is_stored) {
        charge.keep();
    }
}

/// Remembers what was committed, and lets the next call have the lock.
fn release(mut lock: InstanceLock, state: &[StateWrite], state_bytes: Option<u64>) {
    lock.wrote(state, state_bytes);
}
