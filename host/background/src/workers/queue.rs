//! Which workers there are, which have something to do, and which are running: in memory. The rows are the truth; after
//! a start each worker runs once, to find out whether it has something to do.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};

use tokio::time::Instant;

use super::ready::BatchOutcome;
use moothall_core::events::Envelope;
use moothall_core::ids::{CommunityId, InstanceId, Position, WorkerId};
use moothall_core::retry::RESTART;
use moothall_engine::context::Context;
use moothall_store::WorkerRow;

#[cfg(test)]
mod tests;

pub struct WorkerQueue {
    workers: HashMap<WorkerId, Entry>,
    /// By the community whose events they handle; `HOST`: events of all communities.
    by_community: HashMap<CommunityId, Vec<WorkerId>>,
    queue: VecDeque<WorkerId>,
    backing_off: BinaryHeap<Reverse<(Instant, WorkerId)>>,
    /// The last row that was read.
    last: WorkerId,
    /// The last event for which workers were woken.
    tail: Position,
}

struct Entry {
    instance: InstanceId,
    community: CommunityId,
    name: String,
    state: State,
    /// The time of the oldest event that it was woken for and has not handled.
    since: Option<i64>,
    /// The same of events that came while it was running.
    woken: Option<i64>,
    /// In a row.
    failures: u32,
}

impl Entry {
    /// Logs the first failure in a row.
    fn report(&self, worker: WorkerId, reason: &str) {
        if self.failures == 0 {
            let (name, instance) = (self.name.as_str(), self.instance.0);
            tracing::warn!(
                worker = worker.0,
                name,
                instance,
                "a worker cannot go on now: {reason}"
            );
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Queued,
    Busy,
    /// Woken while it was running.
    BusyAndWoken,
    BackingOff,
}

impl WorkerQueue {
    pub fn new(tail: Position) -> Self {
        Self {
            workers: HashMap::new(),
            by_community: HashMap::new(),
            queue: VecDeque::new(),
            backing_off: BinaryHeap::new(),
            last: WorkerId(0),
            tail,
        }
    }

    pub fn last(&self) -> WorkerId {
        self.last
    }

    pub fn tail(&self) -> Position {
        self.tail
    }

    /// Those whose next event was being handled at more than one crash come last.
    pub fn add(&mut self, row: WorkerRow) {
        self.last = self.last.max(row.id);
        self.by_community.entry(row.community).or_default().push(row.id);
        let entry = Entry {
            instance: row.instance,
            community: row.community,
            name: row.name,
            state: State::Queued,
            since: None,
            woken: None,
            failures: 0,
        };
        self.workers.insert(row.id, entry);
        if row.crashes < 2 { self.queue.push_front(row.id) } else { self.queue.push_back(row.id) }
    }

    pub fn wake(&mut self, worker: WorkerId) {
        let Some(entry) = self.workers.get_mut(&worker) else { return };
        match entry.state {
            State::Idle => {
                entry.state = State::Queued;
                self.queue.push_back(worker);
            }
            State::Busy => entry.state = State::BusyAndWoken,
            State::Queued | State::BusyAndWoken | State::BackingOff => {}
        }
    }

    pub fn wake_for(&mut self, event: &Envelope, wants: impl Fn(InstanceId, &str) -> bool) {
        self.tail = self.tail.max(event.position);
        let mut of = vec![CommunityId::HOST];
        of.extend(event.of.filter(|id| *id != CommunityId::HOST));
        let workers = of.iter().filter_map(|id| self.by_community.get(id)).flatten();
        let wanted: Vec<WorkerId> = workers
            .copied()
            .filter(|id| self.workers.get(id).is_some_and(|one| wants(one.instance, &one.name)))
            .collect();
        for worker in wanted {
            if let Some(entry) = self.workers.get_mut(&worker) {
                let is_busy = matches!(entry.state, State::Busy | State::BusyAndWoken);
                let of = if is_busy { &mut entry.woken } else { &mut entry.since };
                of.get_or_insert(event.time);
            }
            self.wake(worker);
        }
    }

    /// The next that has something to do.
    pub fn next(&mut self) -> Option<WorkerId> {
        while let Some(Reverse((at, worker))) = self.backing_off.peek().copied() {
            if at > Instant::now() {
                break;
            }
            self.backing_off.pop();
            // One that was roused meanwhile has run already.
            if let Some(entry) = self.workers.get_mut(&worker)
                && entry.state == State::BackingOff
            {
                entry.state = State::Queued;
                self.queue.push_back(worker);
            }
        }
        let worker = self.queue.pop_front()?;
        if let Some(entry) = self.workers.get_mut(&worker) {
            entry.state = State::Busy;
        }
        Some(worker)
    }

    pub fn ended(&mut self, worker: WorkerId, outcome: BatchOutcome) {
        let Some(entry) = self.workers.get_mut(&worker) else { return };
        match (outcome, entry.state) {
            (BatchOutcome::Gone, _) => self.forget(worker),
            (BatchOutcome::Stuck { since }, _) => {
                entry.since = since;
                entry.woken = None;
                entry.state = State::BackingOff;
                self.backing_off.push(Reverse((Instant::now() + RESTART.wait(1), worker)));
            }
            (BatchOutcome::BackOff { policy, reason }, _) => {
                entry.since = entry.since.or(entry.woken.take());
                let wait = policy.wait(entry.failures.saturating_add(1));
                if !reason.is_empty() {
                    entry.report(worker, &reason);
                    entry.failures = entry.failures.saturating_add(1);
                }
                entry.state = State::BackingOff;
                self.backing_off.push(Reverse((Instant::now() + wait, worker)));
            }
            (BatchOutcome::Idle, State::Busy) => {
                entry.state = State::Idle;
                (entry.since, entry.woken) = (None, None);
                entry.failures = 0;
            }
            (outcome, _) => {
                let since = if let BatchOutcome::More { since } = outcome { since } else { None };
                entry.since = since.or(entry.woken);
                entry.woken = None;
                entry.state = State::Queued;
                entry.failures = 0;
                self.queue.push_back(worker);
            }
        }
    }

    /// Workers of these instances that back off run at once: what they waited for may be there.
    pub fn rouse(&mut self, is_of: impl Fn(InstanceId) -> bool) {
        for (worker, entry) in &mut self.workers {
            if entry.state == State::BackingOff && is_of(entry.instance) {
                entry.state = State::Queued;
                entry.failures = 0;
                self.queue.push_back(*worker);
            }
        }
    }

    /// No worker is left to be woken for an event up to there.
    pub fn seen(&mut self, position: Position) {
        self.tail = self.tail.max(position);
    }

    pub fn is_empty(&self) -> bool {
        self.workers.is_empty()
    }

    /// Workers that have nothing to do.
    pub fn idle(&self) -> Vec<WorkerId> {
        let idle = self.workers.iter().filter(|(_, entry)| entry.state == State::Idle);
        idle.map(|(worker, _)| *worker).collect()
    }

    /// Forgets workers of instances that are gone, which nothing wakes any more.
    pub fn forget_gone(&mut self, is_there: impl Fn(InstanceId) -> bool) {
        let is_gone = |entry: &Entry| entry.state == State::Idle && !is_there(entry.instance);
        let all = self.workers.iter();
        let gone: Vec<WorkerId> =
            all.filter(|(_, entry)| is_gone(entry)).map(|(id, _)| *id).collect();
        gone.into_iter().for_each(|worker| self.forget(worker));
    }

    fn forget(&mut self, worker: WorkerId) {
        let Some(entry) = self.workers.remove(&worker) else { return };
        if let Some(others) = self.by_community.get_mut(&entry.community) {
            others.retain(|one| *one != worker);
            if others.is_empty() {
                self.by_community.remove(&entry.community);
            }
        }
    }

    /// By plugin and worker: the time of the oldest event that is not handled.
    pub fn oldest(&self, context: &Context) -> BTreeMap<(String, String), Option<i64>> {
        let mut oldest: BTreeMap<_, Option<i64>> = BTreeMap::new();
        for entry in self.workers.values() {
            let Some(instance) = context.communities.instance(entry.instance) else { continue };
            let known =
                oldest.entry((instance.plugin.to_string(), entry.name.clone())).or_default();
            *known = [*known, entry.since].into_iter().flatten().min();
        }
        oldest
    }
}
