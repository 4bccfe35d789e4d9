//! When attempts end: the next delivery of the lane begins, the outcomes are stored together, and then begins what that
//! write made due.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tokio::task::{Id, JoinError};

use super::attempt::{Ended, Purpose};
use super::circuit::Gate;
use super::fresh::Lane;
use super::lanes::{CircuitChange, Seen};
use super::outcomes::{Done, Stored};
use super::target::Target;
use super::{Begun, Outbox};
use moothall_core::clock::Monotonic;
use moothall_core::endpoint::{EndpointKind, EndpointOrdering};
use moothall_core::ids::EndpointId;
use moothall_store::{After, Outcome, StoreError};

impl Outbox {
    /// Takes all attempts that have ended by now, and stores their outcomes in one write.
    pub(super) fn ended_with_others(&mut self, first: Result<(Id, Ended), JoinError>) {
        let now = self.shared.clock.monotonic();
        let mut freed: BTreeSet<EndpointId> = self.ended(first, now).into_iter().collect();
        while let Some(other) = self.attempts.try_join_next_with_id() {
            freed.extend(self.ended(other, now));
        }
        self.store_fresh();
        self.poll_each(freed);
    }

    /// Returns the endpoint if there is room for another of its lanes.
    fn ended(
        &mut self,
        ended: Result<(Id, Ended), JoinError>,
        now: Monotonic,
    ) -> Option<EndpointId> {
        let (task, Ended { is_probe, reached, outcome }) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "an attempt of a delivery panicked");
                let begun = self.tasks.remove(&error.id())?;
                self.lanes.lost(begun.endpoint, begun.position, now);
                self.fresh.leave_to_rows(begun.endpoint);
                return None;
            }
        };
        let begun = self.tasks.remove(&task)?;
        let Begun { endpoint, position, .. } = begun;
        let circuit_change = self.lanes.ended(endpoint, position, Seen { reached, is_probe }, now);
        self.log_change(&outcome, circuit_change);
        if outcome.after != After::Delivered {
            if !begun.has_row || self.fresh.has_waiting(endpoint) {
                self.fresh.leave_to_rows(endpoint);
            }
            self.outcomes.add(outcome);
            return None;
        }
        // A poll has removed an endpoint that it found disabled.
        let target = self.targets.get(&endpoint).cloned();
        match begun.has_row {
            true => self.outcomes.add(outcome),
            false => self.arrived(outcome, begun, target.as_ref()),
        }
        let target = target.filter(|_| begun.has_row)?;
        if target.row.ordering != EndpointOrdering::Fifo {
            return Some(endpoint);
        }
        if let Err(error) = self.follow(&target, begun, now) {
            tracing::debug!(%error, "the next of a lane waits for the commit");
        }
        None
    }

    /// An event was delivered to an endpoint that keeps up: what is queued for it goes on.
    fn arrived(&mut self, outcome: Outcome, begun: Begun, target: Option<&Arc<Target>>) {
        if let Some(outcome) = self.fresh.arrived(outcome, begun.lane) {
            self.outcomes.add(outcome);
        }
        let now = self.shared.clock.monotonic();
        let Some(target) = target.filter(|_| self.lanes.gate(begun.endpoint, now) == Gate::Closed)
        else {
            self.fresh.leave_to_rows(begun.endpoint);
            return;
        };
        if let Err(error) = self.begin_fresh(target, &HashMap::new()) {
            tracing::debug!(%error, "what is queued for an endpoint waits for the next poll");
        }
    }

    /// Logs that nothing is sent to an endpoint any more, and that something is again, once each.
    fn log_change(&mut self, outcome: &Outcome, circuit_change: Option<CircuitChange>) {
        if circuit_change.is_none() && !outcome.gone {
            return;
        }
        let Some(target) = self.targets.get(&outcome.endpoint).cloned() else { return };
        let (endpoint, kind) = (target.row.public_id.as_str(), target.row.kind.as_str());
        match circuit_change {
            Some(CircuitChange::Opened) => {
                let attempt = outcome.attempt.as_ref();
                let why = attempt.and_then(|one| one.detail.as_deref()).unwrap_or_default();
                tracing::warn!(
                    endpoint,
                    kind,
                    "an endpoint cannot be reached, and its circuit opened; a probe is sent now and then: {why}"
                );
            }
            Some(CircuitChange::Closed) => {
                tracing::info!(endpoint, kind, "an endpoint is reached again");
            }
            None => {}
        }
        if outcome.gone && target.row.kind != EndpointKind::Callback {
            // Nothing more is sent to it. Attempts that are under way may get the same answer.
            self.targets.remove(&outcome.endpoint);
            tracing::warn!(
                endpoint,
                "an endpoint is disabled: its receiver answered 410 Gone; put `enabled: true` to send to it again"
            );
        }
    }

    /// One write ends many attempts: each of their endpoints is polled once.
    pub(super) fn stored(&mut self, mut stored: Stored) {
        let now = self.shared.clock.monotonic();
        self.outcomes.keep(&mut stored);
        self.have_rows(stored.rows_to);
        let mut endpoints = BTreeSet::new();
        for Done { endpoint, position, had_row } in stored.done {
            self.lanes.stored(endpoint, position, now);
            if had_row {
                endpoints.insert(endpoint);
            }
        }
        self.store_fresh();
        self.poll_each(endpoints);
    }

    pub(super) fn poll_each(&mut self, endpoints: BTreeSet<EndpointId>) {
        for endpoint in endpoints {
            if let Err(error) = self.poll_endpoint(endpoint) {
                tracing::debug!(%error, "the next poll comes back to this endpoint");
            }
        }
    }

    /// Sends the next delivery of a lane while the outcome of the one before it is being stored. After a crash in between
    /// both are sent again. Every other delivery that follows becomes due by the commit.
    fn follow(
        &mut self,
        target: &Arc<Target>,
        ended: Begun,
        now: Monotonic,
    ) -> Result<(), StoreError> {
        let endpoint = target.row.id;
        let may_begin = self.may_begin() && self.lanes.gate(endpoint, now) == Gate::Closed;
        if !may_begin || self.room(target) == 0 {
            return Ok(());
        }
        let store = self.shared.store.clone();
        let Lane::Key(key) = ended.lane else { return Ok(()) };
        let is_ended = |event| self.lanes.is_being_stored(endpoint, event);
        let next = store.read(|reader| reader.first_in_lane(endpoint, key, is_ended))?;
        let next = next.map(|next| self.waiting(next)).transpose()?.flatten();
        // A delivery with a due time is a retry, or was sent again by hand: it may have to wait, or is under way.
        if let Some(next) = next.filter(|next| next.due_at.is_none())
            && !self.lanes.is_under_way(endpoint, next.event.position)
        {
            self.begin(target, next, ended.lane, Purpose::Due);
        }
        Ok(())
    }
}
