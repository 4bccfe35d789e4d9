//! How an attempt ends: the next of its lane begins, what came of it is stored with what came of others,
//! and then whatever that made due begins.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::task::{Id, JoinError};

use super::Outbox;
use super::attempt::Ended;
use super::circuit::Gate;
use super::lanes::Seen;
use super::storing::Stored;
use super::target::Target;
use crate::store::{After, StoreError};

impl Outbox {
    /// What has ended by now is stored by one write.
    pub(super) fn ended_with_others(&mut self, first: Result<(Id, Ended), JoinError>) {
        let now = self.shared.clock.monotonic_ms();
        let mut freed: BTreeSet<i64> = self.ended(first, now).into_iter().collect();
        while let Some(other) = self.attempts.try_join_next_with_id() {
            freed.extend(self.ended(other, now));
        }
        self.storing.begin(&self.shared.store);
        self.look_at_each(freed);
    }

    /// An endpoint that has room for more, of whatever lane.
    fn ended(&mut self, ended: Result<(Id, Ended), JoinError>, now: i64) -> Option<i64> {
        let (task, Ended { is_probe, reached, outcome }) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "an attempt of a delivery panicked");
                let (endpoint, delivery) = self.tasks.remove(&error.id())?;
                self.lanes.lost(endpoint, delivery, now);
                return None;
            }
        };
        self.tasks.remove(&task);
        let (endpoint, delivery) = (outcome.endpoint, outcome.delivery);
        self.lanes.ended(endpoint, delivery, Seen { reached, is_probe }, now);
        let delivered = outcome.after == After::Delivered;
        self.storing.add(outcome);
        if !delivered {
            return None;
        }
        // One that a look has found disabled is not there any more.
        let target = self.targets.get(&endpoint)?.clone();
        if target.row.ordering != "fifo" {
            return Some(endpoint);
        }
        if let Err(error) = self.follow(&target, delivery, now) {
            tracing::debug!(%error, "the next of a lane waits for the commit");
        }
        None
    }

    /// One commit ends many attempts: their endpoints are looked at once for all of them.
    pub(super) fn stored(&mut self, mut stored: Stored) {
        let now = self.shared.clock.monotonic_ms();
        self.storing.keep(&mut stored);
        let mut endpoints = BTreeSet::new();
        for (endpoint, delivery) in stored.done {
            self.lanes.stored(endpoint, delivery, now);
            endpoints.insert(endpoint);
        }
        self.storing.begin(&self.shared.store);
        self.look_at_each(endpoints);
    }

    pub(super) fn look_at_each(&mut self, endpoints: BTreeSet<i64>) {
        for endpoint in endpoints {
            if let Err(error) = self.look_at(endpoint) {
                tracing::debug!(%error, "the next look comes back to this endpoint");
            }
        }
    }

    /// The next of a lane is sent while what came of those before it is being stored. A crash between sends
    /// them again, as any other. Whatever else is not just the next, the commit makes due.
    fn follow(&mut self, target: &Arc<Target>, ended: i64, now: i64) -> Result<(), StoreError> {
        let endpoint = target.row.id;
        let may_begin = self.may_begin() && self.lanes.gate(endpoint, now) == Gate::Closed;
        if !may_begin || self.room(target) == 0 {
            return Ok(());
        }
        let store = self.shared.store.clone();
        let is_ended = |id| self.lanes.is_being_stored(endpoint, id);
        let next = store.read(|reader| match reader.first_in_lane(ended, is_ended)? {
            Some(first) => reader.waiting_delivery(first),
            None => Ok(None),
        })?;
        // One that is due is retried, or was sent again by hand: it may have to wait, or be under way.
        if let Some(next) = next.filter(|next| next.due_at.is_none())
            && !self.lanes.is_under_way(endpoint, next.id)
        {
            self.begin(target, next, false);
        }
        Ok(())
    }
}
