//! The circuit breaker of an endpoint: after several failures to reach it in a row, only one probe at a time is sent, at
//! growing intervals. In memory; it begins closed after a restart. Every `now` is monotonic time, in milliseconds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use moothall_core::clock::Monotonic;
use moothall_core::ids::EndpointId;
use moothall_core::retry::RetryPolicy;

/// Failures in a row that open a circuit.
const FAILURES: u32 = 5;
/// How long a circuit stays open: longer with each probe that fails.
const OPEN: RetryPolicy = RetryPolicy::doubling(30_000, 10 * 60_000);

/// Closed by default.
#[derive(Clone, Debug, Default)]
pub struct Circuit {
    failures: u32,
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    until: Monotonic,
    /// How often it was opened in a row: first by failures, then by each probe that failed.
    times: u32,
}

/// The circuits of endpoints with failures, by the endpoint's row, for whoever lists endpoints.
#[derive(Clone, Default)]
pub struct Circuits(Arc<Mutex<HashMap<EndpointId, Circuit>>>);

impl Circuits {
    pub fn of(&self, endpoint: EndpointId) -> Circuit {
        self.lock().get(&endpoint).cloned().unwrap_or_default()
    }

    pub fn note(&self, endpoint: EndpointId, circuit: &Circuit) {
        match circuit.is_clean() {
            true => self.lock().remove(&endpoint),
            false => self.lock().insert(endpoint, circuit.clone()),
        };
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EndpointId, Circuit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    Closed,
    /// Nothing is sent.
    Open,
    /// One delivery may be sent, as a probe.
    Probe,
}

impl Circuit {
    pub fn gate(&self, now: Monotonic) -> Gate {
        match self.open {
            None => Gate::Closed,
            Some(open) if now < open.until => Gate::Open,
            Some(_) => Gate::Probe,
        }
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// When the next probe may be sent.
    pub fn open_until(&self) -> Option<Monotonic> {
        self.open.map(|open| open.until)
    }

    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether there is no failure.
    pub fn is_clean(&self) -> bool {
        self.failures == 0 && self.open.is_none()
    }

    /// The endpoint answered, with whatever status.
    pub fn reached(&mut self) {
        *self = Self::default();
    }

    /// An attempt did not reach the endpoint. One that began before the circuit opened does not prolong it.
    pub fn missed(&mut self, now: Monotonic) {
        self.failures += 1;
        if self.failures >= FAILURES && self.open.is_none() {
            self.open_again(now);
        }
    }

    /// A probe did not reach the endpoint.
    pub fn probe_missed(&mut self, now: Monotonic) {
        self.open_again(now);
    }

    fn open_again(&mut self, now: Monotonic) {
        let times = self.open.map_or(1, |open| open.times.saturating_add(1));
        self.open = Some(Open { until: now.plus_ms(OPEN.wait_ms(times)), times });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Monotonic {
        Monotonic::of_ms(ms)
    }

    #[test]
    fn five_failures_in_a_row_open_it() {
        let mut circuit = Circuit::default();
        (0..4).for_each(|_| circuit.missed(at(0)));
        circuit.reached();
        (0..4).for_each(|_| circuit.missed(at(0)));
        assert_eq!(circuit.gate(at(0)), Gate::Closed);
        circuit.missed(at(0));
        assert_eq!(circuit.gate(at(29_999)), Gate::Open);
        assert_eq!(circuit.gate(at(30_000)), Gate::Probe);
        circuit.missed(at(29_999));
        assert_eq!(circuit.gate(at(30_000)), Gate::Probe, "what was in flight does not prolong it");
    }

    #[test]
    fn each_failed_probe_doubles_the_wait_up_to_ten_minutes() {
        let mut circuit = Circuit::default();
        (0..5).for_each(|_| circuit.missed(at(0)));
        let mut now = 30_000;
        for wait in [60_000, 120_000, 240_000, 480_000, 600_000, 600_000] {
            circuit.probe_missed(at(now));
            assert_eq!(circuit.gate(at(now + wait - 1)), Gate::Open);
            now += wait;
            assert_eq!(circuit.gate(at(now)), Gate::Probe);
        }
        circuit.reached();
        assert_eq!(circuit.gate(at(now)), Gate::Closed);
    }
}
