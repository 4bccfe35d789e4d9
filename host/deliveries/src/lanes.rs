//! What is under way to each endpoint, in memory: only this process uses the database. The rows in state `waiting` are the
//! truth, and all that is left after a restart.

use std::collections::{HashMap, HashSet};

use super::circuit::{Circuit, Circuits, Gate};
use moothall_core::clock::Monotonic;
use moothall_core::config::DeliveryConfig;
use moothall_core::endpoint::EndpointOrdering;
use moothall_core::ids::{EndpointId, Position};
use moothall_core::retry::TRANSIENT_MS;
use moothall_store::EndpointRow;

/// How many outcomes of one endpoint may wait to be stored, for each attempt that may be in flight.
const OUTCOMES_PER_PLACE: usize = 8;

/// By the endpoint's row.
#[derive(Default)]
pub struct Lanes {
    endpoints: HashMap<EndpointId, Under>,
    in_flight: usize,
    /// The copies of the circuits that others read, updated with each change.
    seen: Circuits,
}

/// What an attempt says about its endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Whether it answered at all.
    pub reached: bool,
    pub is_probe: bool,
}

/// How a circuit changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CircuitChange {
    Opened,
    Closed,
}

/// What is under way to one endpoint, by the positions of the events.
#[derive(Default)]
struct Under {
    in_flight: HashSet<Position>,
    /// Deliveries whose attempts have ended, and whose outcomes are not stored yet.
    outcomes: HashSet<Position>,
    circuit: Circuit,
    /// An attempt was lost: nothing is sent until then.
    paused_until: Monotonic,
}

impl Lanes {
    pub fn new(seen: Circuits) -> Self {
        Self { seen, ..Self::default() }
    }

    pub fn gate(&self, endpoint: EndpointId, now: Monotonic) -> Gate {
        match self.endpoints.get(&endpoint) {
            Some(under) if now < under.paused_until => Gate::Open,
            Some(under) => under.circuit.gate(now),
            None => Gate::Closed,
        }
    }

    /// How many more attempts to an endpoint may begin. The more are in flight, the fewer each gets, so that endpoints that
    /// hang cannot take all places.
    pub fn room(&self, endpoint: &EndpointRow, config: &DeliveryConfig) -> usize {
        let most = match endpoint.ordering {
            EndpointOrdering::Unordered => {
                config.unordered_in_flight.min(config.endpoint_in_flight)
            }
            EndpointOrdering::Fifo => config.endpoint_in_flight,
        };
        if self.outcomes_to(endpoint.id) >= most.saturating_mul(OUTCOMES_PER_PLACE) {
            return 0;
        }
        let left = config.in_flight.max(1).saturating_sub(self.in_flight);
        let share = most.min(left.div_ceil(4));
        share.saturating_sub(self.in_flight_to(endpoint.id))
    }

    fn outcomes_to(&self, endpoint: EndpointId) -> usize {
        self.endpoints.get(&endpoint).map_or(0, |under| under.outcomes.len())
    }

    /// What is still due in the store although it is under way.
    pub fn under_way_to(&self, endpoint: EndpointId) -> usize {
        self.in_flight_to(endpoint) + self.outcomes_to(endpoint)
    }

    pub fn in_flight_to(&self, endpoint: EndpointId) -> usize {
        self.endpoints.get(&endpoint).map_or(0, |under| under.in_flight.len())
    }

    pub fn is_under_way(&self, endpoint: EndpointId, event: Position) -> bool {
        let under = self.endpoints.get(&endpoint);
        under.is_some_and(|one| one.in_flight.contains(&event) || one.outcomes.contains(&event))
    }

    pub fn begun(&mut self, endpoint: EndpointId, event: Position) {
        if self.endpoints.entry(endpoint).or_default().in_flight.insert(event) {
            self.in_flight += 1;
        }
    }

    /// Whether the attempt has ended and its outcome is not stored yet.
    pub fn is_being_stored(&self, endpoint: EndpointId, event: Position) -> bool {
        self.endpoints.get(&endpoint).is_some_and(|under| under.outcomes.contains(&event))
    }

    /// An attempt has ended; its outcome is to be stored. Whether it opened or closed the endpoint's circuit.
    pub fn ended(
        &mut self,
        endpoint: EndpointId,
        event: Position,
        seen: Seen,
        now: Monotonic,
    ) -> Option<CircuitChange> {
        let under = self.endpoints.entry(endpoint).or_default();
        if under.in_flight.remove(&event) {
            self.in_flight -= 1;
        }
        under.outcomes.insert(event);
        let (was_clean, was_open) = (under.circuit.is_clean(), under.circuit.is_open());
        match seen {
            Seen { reached: true, .. } => under.circuit.reached(),
            Seen { is_probe: true, .. } => under.circuit.probe_missed(now),
            Seen { .. } => under.circuit.missed(now),
        }
        if !(was_clean && under.circuit.is_clean()) {
            self.seen.note(endpoint, &under.circuit);
        }
        match (was_open, under.circuit.is_open()) {
            (false, true) => Some(CircuitChange::Opened),
            (true, false) => Some(CircuitChange::Closed),
            _ => None,
        }
    }

    pub fn stored(&mut self, endpoint: EndpointId, event: Position, now: Monotonic) {
        if let Some(under) = self.endpoints.get_mut(&endpoint) {
            under.outcomes.remove(&event);
        }
        self.tidy(endpoint, now);
    }

    /// The outcome of an attempt is lost: the delivery is sent again, but not at once.
    pub fn lost(&mut self, endpoint: EndpointId, event: Position, now: Monotonic) {
        let Some(under) = self.endpoints.get_mut(&endpoint) else { return };
        under.outcomes.remove(&event);
        if under.in_flight.remove(&event) {
            self.in_flight -= 1;
        }
        under.paused_until = now.plus_ms(TRANSIENT_MS);
    }

    /// Endpoints that a probe is due for.
    pub fn to_probe(&self, now: Monotonic) -> Vec<EndpointId> {
        let open =
            self.endpoints.iter().filter(|(_, under)| under.circuit.gate(now) == Gate::Probe);
        open.map(|(endpoint, _)| *endpoint).collect()
    }

    pub fn open_circuits(&self) -> usize {
        self.endpoints.values().filter(|under| under.circuit.is_open()).count()
    }

    /// Nothing waits for that endpoint any more: its failures are forgotten.
    pub fn close(&mut self, endpoint: EndpointId) {
        if self.under_way_to(endpoint) == 0
            && let Some(under) = self.endpoints.remove(&endpoint)
            && !under.circuit.is_clean()
        {
            self.seen.note(endpoint, &Circuit::default());
        }
    }

    fn tidy(&mut self, endpoint: EndpointId, now: Monotonic) {
        let idle = |under: &Under| {
            under.in_flight.is_empty()
                && under.outcomes.is_empty()
                && under.circuit.is_clean()
                && under.paused_until <= now
        };
        if self.endpoints.get(&endpoint).is_some_and(idle) {
            self.endpoints.remove(&endpoint);
        }
    }
}
