//! The fresh deliveries of one endpoint: by lane, one of each under way.

use std::collections::{HashMap, HashSet, VecDeque};

use super::Lane;
use moothall_core::ids::Position;

#[derive(Default)]
pub struct Queue {
    /// Lanes whose next delivery may begin.
    ready: VecDeque<Lane>,
    /// The positions that wait in each lane; none is empty.
    lanes: HashMap<Lane, VecDeque<Position>>,
    /// Lanes of which a delivery is under way.
    busy: HashSet<Lane>,
}

impl Queue {
    pub fn push(&mut self, lane: Lane, position: Position) {
        let waiting = self.lanes.entry(lane).or_default();
        if waiting.is_empty() && !self.busy.contains(&lane) {
            self.ready.push_back(lane);
        }
        waiting.push_back(position);
    }

    /// The next lane whose turn it is, and its next position: that one is under way now.
    pub fn next(&mut self) -> Option<(Lane, Position)> {
        let lane = self.ready.pop_front()?;
        let waiting = self.lanes.get_mut(&lane)?;
        let position = waiting.pop_front()?;
        if waiting.is_empty() {
            self.lanes.remove(&lane);
        }
        self.busy.insert(lane);
        Some((lane, position))
    }

    /// It could not begin: it is the next again.
    pub fn put_back(&mut self, lane: Lane, position: Position) {
        self.busy.remove(&lane);
        self.lanes.entry(lane).or_default().push_front(position);
        self.ready.push_front(lane);
    }

    /// What was under way of the lane has ended.
    pub fn free(&mut self, lane: Lane) {
        if self.busy.remove(&lane) && self.lanes.contains_key(&lane) {
            self.ready.push_back(lane);
        }
    }

    /// Whether anything waits of an event up to that position.
    pub fn has_waiting_up_to(&self, upto: Position) -> bool {
        self.lanes.values().any(|waiting| waiting.front().is_some_and(|first| *first <= upto))
    }

    pub fn has_waiting(&self) -> bool {
        !self.lanes.is_empty()
    }

    pub fn is_idle(&self) -> bool {
        self.lanes.is_empty() && self.busy.is_empty()
    }
}
