//! Deliveries: events on their way to endpoints, until they are delivered or dead.
//!
//! The rows in state `waiting` are the work, and events whose deliveries have no rows yet (see `fresh`); what is under way
//! is known in memory alone. Deliveries with one key to one endpoint form a *lane*, and are sent in order. Uses the store
//! and the outbound client and nothing else, holds no transaction while it sends, and never scans what waits: each poll is
//! a step of an index.

mod attempt;
mod backoff;
mod circuit;
pub mod driver;
mod ended;
pub mod endpoints;
pub mod form;
mod fresh;
mod lanes;
mod outcomes;
mod reach;
mod render;
mod signature;
mod target;
mod upkeep;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until};

use moothall_core::clock::Clock;
use moothall_core::config::DeliveryConfig;
use moothall_core::endpoint::EndpointKind;
use moothall_core::fair_share::FairShare;
use moothall_core::ids::{DeliveryId, EndpointId, Position, random_bytes};
use moothall_core::pace::Paces;
use moothall_core::secrets::Keyring;
use moothall_egress::Egress;
use moothall_store::{DRIVER, DueDelivery, Found, Store, StoreError};

pub use backoff::waits;
pub use circuit::{Circuits, Gate};
pub use reach::{LocalReach, LocalRule};
pub use render::metadata;
pub use signature::SigningSecret;
pub use target::{headers_context, secret_context};

use attempt::{Attempt, Ended, Purpose};
use fresh::{Fresh, GATHER, Lane};
use lanes::Lanes;
use outcomes::OutcomeBatcher;
use target::Target;

/// How often the store is asked for what is due, even without a signal.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// The shortest time between two polls.
const POLL_PAUSE: Duration = Duration::from_millis(5);
/// Endpoints that one poll reads; the next poll goes on after them.
const ENDPOINTS_PER_POLL: usize = 512;
/// Endpoints whose unsealed secrets are kept; with one more, all are forgotten and unsealed again.
const TARGETS: usize = 1_024;
/// How often the gauges are set.
const GAUGES: Duration = Duration::from_secs(10);

/// What all attempts share.
pub struct Shared {
    store: Store,
    egress: Egress,
    keyring: Arc<Keyring>,
    clock: Clock,
    local: LocalReach,
    /// This machine's name.
    machine: String,
    /// How long an answer's body is waited for.
    body_wait: Duration,
}

impl Shared {
    fn roll(&self) -> u16 {
        // Without randomness the waits have no jitter.
        random_bytes().map_or(u16::MAX / 2, u16::from_le_bytes)
    }
}

/// The task that sends what is due.
pub struct Outbox {
    shared: Arc<Shared>,
    config: DeliveryConfig,
    lanes: Lanes,
    /// The endpoints to which deliveries may be sent, by their rows, as the last poll found them.
    targets: HashMap<EndpointId, Arc<Target>>,
    attempts: JoinSet<Ended>,
    /// Attempts in flight to each machine: one that hangs, under however many URLs, leaves room for the others.
    machines: FairShare<String>,
    /// Slow machines leave room for quick ones, however many they are.
    paces: Arc<Paces<String>>,
    fresh: Fresh,
    outcomes: OutcomeBatcher,
    /// What each task attempts.
    tasks: HashMap<Id, Begun>,
    /// Deliveries that cannot be read, until they are ended.
    unreadable: Vec<DeliveryId>,
    /// The endpoint after which the next poll goes on.
    after: EndpointId,
    /// The last poll met an error.
    is_failing: bool,
    /// The host stops: no attempt begins any more.
    is_stopping: bool,
}

/// A delivery that is being attempted.
#[derive(Clone, Copy, Debug)]
struct Begun {
    endpoint: EndpointId,
    /// Of its event.
    position: Position,
    lane: Lane,
    has_row: bool,
}

impl Outbox {
    pub fn new(
        store: Store,
        egress: Egress,
        keyring: Arc<Keyring>,
        clock: Clock,
        config: DeliveryConfig,
        local: LocalReach,
        circuits: Circuits,
    ) -> Self {
        let (machine, body_wait) = (machine_name(), Duration::from_millis(config.body_ms));
        Self {
            machines: FairShare::of(config.in_flight.max(1)),
            paces: Arc::new(Paces::of(config.in_flight.max(1))),
            shared: Arc::new(Shared { store, egress, keyring, clock, local, machine, body_wait }),
            config,
            lanes: Lanes::new(circuits),
            targets: HashMap::new(),
            fresh: Fresh::default(),
            outcomes: OutcomeBatcher::default(),
            attempts: JoinSet::new(),
            tasks: HashMap::new(),
            unreadable: Vec::new(),
            after: EndpointId(0),
            is_failing: false,
            is_stopping: false,
        }
    }

    /// Runs until the host stops, and then until the attempts under way have ended and are stored. The rest is still due at
    /// the next start.
    pub async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let signal = self.shared.store.signals().deliveries.clone();
        let (mut poll_at, mut earliest) = (Instant::now(), Instant::now());
        let (mut gauges_at, mut store_at) = (Instant::now(), Instant::now());
        while !(self.is_stopping && self.is_idle()) {
            tokio::select! {
                () = stopped(&mut stopping), if !self.is_stopping => self.is_stopping = true,
                Some(ended) = self.attempts.join_next_with_id() => self.ended_with_others(ended),
                Some(stored) = self.outcomes.next() => self.stored(stored),
                () = signal.notified() => poll_at = earliest,
                () = sleep_until(store_at), if !self.fresh.is_empty() => {
                    self.store_fresh();
                    store_at = Instant::now() + GATHER;
                }
                () = sleep_until(poll_at) => {
                    let polled = self.poll().await;
                    let more = *polled.as_ref().unwrap_or(&false);
                    self.report(polled.err());
                    earliest = Instant::now() + POLL_PAUSE;
                    poll_at = if more { earliest } else { Instant::now() + POLL_INTERVAL };
                    if gauges_at <= Instant::now() {
                        gauges_at = Instant::now() + GAUGES;
                        self.set_gauges();
                    }
                }
            }
        }
    }

    /// Nothing is under way, and nothing is left to store.
    fn is_idle(&self) -> bool {
        self.attempts.is_empty() && self.outcomes.is_empty() && !self.fresh.has_arrived()
    }

    /// Logs once that something is wrong, and once that it is over.
    fn report(&mut self, error: Option<StoreError>) {
        match (&error, self.is_failing) {
            (Some(error), false) => {
                tracing::warn!(%error, "deliveries wait: what is due cannot be read or ended");
            }
            (None, true) => tracing::info!("deliveries go on"),
            _ => {}
        }
        self.is_failing = error.is_some();
    }

    /// Begins what is due to the next endpoints. Whether there is more to do at once.
    async fn poll(&mut self) -> Result<bool, StoreError> {
        self.store_fresh();
        if !self.may_begin() {
            return Ok(false);
        }
        let is_more = self.poll_fresh()?;
        let now = self.shared.clock.now_ms();
        let swept = self.sweep(now).await?;
        let due =
            self.shared.store.read(|r| r.endpoints_due(self.after, now, ENDPOINTS_PER_POLL))?;
        let mut failed = None;
        let to_probe = self.lanes.to_probe(self.shared.clock.monotonic());
        for endpoint in due.found.iter().copied().chain(to_probe) {
            if let Err(error) = self.poll_endpoint(endpoint) {
                // Others must not wait because of this one.
                tracing::debug!(%error, endpoint = endpoint.0, "an endpoint's deliveries cannot be read");
                failed = Some(error);
            }
        }
        self.bury().await?;
        let more = due.next.is_some() || is_more;
        self.after = due.next.unwrap_or(EndpointId(0));
        failed.map_or(Ok(more || swept), Err)
    }

    /// Not while outcomes could not be stored.
    fn may_begin(&self) -> bool {
        !self.is_stopping && self.shared.store.health().can_write()
    }

    /// Begins what is due to one endpoint, as far as there is room.
    fn poll_endpoint(&mut self, endpoint: EndpointId) -> Result<(), StoreError> {
        if !self.may_begin() {
            return Ok(());
        }
        let Some(target) = self.target(endpoint)? else {
            // Its failures count no more.
            self.lanes.close(endpoint);
            return Ok(());
        };
        let store = self.shared.store.clone();
        match self.lanes.gate(endpoint, self.shared.clock.monotonic()) {
            Gate::Open => Ok(()),
            Gate::Probe if self.lanes.in_flight_to(endpoint) > 0 => Ok(()),
            Gate::Probe => {
                match store.read(|reader| reader.oldest_delivery(endpoint))? {
                    Some(oldest) => {
                        if let Some(oldest) = self.waiting(oldest)? {
                            let lane = Lane::of(&target, &oldest);
                            self.begin(&target, oldest, lane, Purpose::Probe);
                        }
                    }
                    None => self.lanes.close(endpoint),
                }
                Ok(())
            }
            Gate::Closed => self.begin_due(&target),
        }
    }

    /// The endpoint as it is stored now, if deliveries may be sent to it.
    fn target(&mut self, endpoint: EndpointId) -> Result<Option<Arc<Target>>, StoreError> {
        let (row, signer) = self.shared.store.read(|reader| {
            let row = reader.endpoint_row(endpoint)?;
            let is_callback = row.as_ref().is_some_and(|row| row.kind == EndpointKind::Callback);
            Ok((row, if is_callback { reader.endpoint(DRIVER)? } else { None }))
        })?;
        let Some(row) = row.filter(|row| row.enabled && !row.url.is_empty()) else {
            self.targets.remove(&endpoint);
            return Ok(None);
        };
        if let Some(known) = self.targets.get(&endpoint)
            && known.is_of(&row, signer.as_ref())
        {
            return Ok(Some(known.clone()));
        }
        if self.targets.len() >= TARGETS {
            self.targets.clear();
        }
        let target = Arc::new(Target::open(&self.shared, row, signer));
        self.targets.insert(endpoint, target.clone());
        Ok(Some(target))
    }

    fn begin_due(&mut self, target: &Arc<Target>) -> Result<(), StoreError> {
        let (endpoint, now) = (target.row.id, self.shared.clock.now_ms());
        let room = self.room(target);
        if room == 0 {
            return Ok(());
        }
        // What is in flight is still due in the store.
        let limit = room + self.lanes.under_way_to(endpoint);
        let store = self.shared.store.clone();
        let due = store.read(|reader| reader.due_deliveries(endpoint, now, limit))?;
        let new = due.into_iter().filter(|(_, event)| !self.lanes.is_under_way(endpoint, *event));
        let new: Vec<_> = new.take(room).map(|(id, _)| id).collect();
        if !new.is_empty() && self.fresh.has_waiting(endpoint) {
            // What has a row goes first.
            self.fresh.leave_to_rows(endpoint);
        }
        for delivery in new {
            if let Some(delivery) = self.waiting(delivery)? {
                let lane = Lane::of(target, &delivery);
                self.begin(target, delivery, lane, Purpose::Due);
            }
        }
        Ok(())
    }

    /// A delivery that waits. One whose row cannot be read is noted, to be ended, so that its lane goes on.
    fn waiting(&mut self, delivery: DeliveryId) -> Result<Option<DueDelivery>, StoreError> {
        let found = self.shared.store.read(|reader| reader.waiting_delivery(delivery))?;
        if let Found::Unreadable = found {
            self.unreadable.push(delivery);
        }
        Ok(found.row())
    }

    /// How many more attempts may begin.
    fn room(&self, target: &Target) -> usize {
        let room = self.lanes.room(&target.row, &self.config);
        room.min(self.machines.left(&target.machine)).min(self.paces.left(&target.machine))
    }

    /// False: it must wait for others.
    fn begin(
        &mut self,
        target: &Arc<Target>,
        delivery: DueDelivery,
        lane: Lane,
        purpose: Purpose,
    ) -> bool {
        // A probe needs a permit like any other attempt.
        let Some(permit) = self.machines.take(&target.machine) else { return false };
        let Some(pace) = self.paces.try_begin(&target.machine) else { return false };
        let (endpoint, position) = (target.row.id, delivery.event.position);
        let begun = Begun { endpoint, position, lane, has_row: delivery.id.is_some() };
        let attempt = Attempt { delivery, target: target.clone(), purpose };
        self.lanes.begun(endpoint, position);
        let run = attempt.run(self.shared.clone());
        let (paces, target) = (self.paces.clone(), target.clone());
        let task = self.attempts.spawn(async move {
            let (_places, began) = ((permit, pace), Instant::now());
            let ended = run.await;
            paces.ended(&target.machine, began.elapsed());
            ended
        });
        self.tasks.insert(task.id(), begun);
        true
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // If the sender is gone the host stops too.
    drop(stop.wait_for(|stop| *stop).await);
}

/// This machine's host name.
pub fn machine_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "localhost".to_owned() } else { name.trim().to_owned() }
}
