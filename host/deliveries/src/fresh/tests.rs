//! In which order fresh deliveries are sent, and when they get rows. On made-up events; nothing here is sent.

use tokio::time::Instant;

use super::*;
use moothall_store::After;

const ONE: EndpointId = EndpointId(1);
const LANE: Lane = Lane::Key(7);
const OTHER: Lane = Lane::Key(8);

/// Events from position 1 on, all of one lane.
fn fresh(events: i64, read_at: Instant) -> Fresh {
    let mut fresh = Fresh::default();
    for position in (1..=events).map(Position) {
        fresh.queue(ONE, LANE, position);
        fresh.read(position, 1, 1, read_at);
    }
    fresh.read_all_to(Position(events));
    fresh
}

fn delivered(position: i64) -> Outcome {
    Outcome {
        endpoint: ONE,
        delivery: None,
        position: Position(position),
        expires_at: 0,
        attempt: None,
        after: After::Delivered,
        gone: false,
        at: 0,
    }
}

fn stored(fresh: &mut Fresh, now: Instant) -> Option<(i64, Vec<i64>)> {
    let (upto, arrived) = fresh.take_due(now)?;
    Some((upto.0, arrived.iter().map(|one| one.position.0).collect()))
}

#[test]
fn one_of_a_lane_is_under_way_and_they_go_in_order() {
    let mut fresh = fresh(3, Instant::now());
    assert_eq!(fresh.next(ONE), Some((LANE, Position(1))));
    assert_eq!(fresh.next(ONE), None, "the lane is busy");
    assert!(fresh.arrived(delivered(1), LANE).is_none());
    assert_eq!(fresh.next(ONE), Some((LANE, Position(2))));
    fresh.put_back(ONE, LANE, Position(2));
    assert_eq!(
        fresh.next(ONE),
        Some((LANE, Position(2))),
        "what could not begin is the next again"
    );
}

#[test]
fn lanes_take_turns() {
    let mut fresh = fresh(2, Instant::now());
    fresh.queue(ONE, OTHER, Position(3));
    assert_eq!(fresh.next(ONE), Some((LANE, Position(1))));
    assert_eq!(fresh.next(ONE), Some((OTHER, Position(3))));
    assert_eq!(fresh.next(ONE), None);
}

#[test]
fn what_was_delivered_waits_a_moment_for_more_and_for_what_came_before_it() {
    let begin = Instant::now();
    let mut fresh = fresh(3, begin);
    fresh.arrived(delivered(2), LANE);
    assert_eq!(stored(&mut fresh, begin + GATHER), None, "the first is under way");
    fresh.arrived(delivered(1), LANE);
    assert_eq!(stored(&mut fresh, begin), None);
    assert_eq!(stored(&mut fresh, begin + GATHER), Some((2, vec![2, 1])));
}

#[test]
fn what_is_slow_gets_rows_and_its_outcome_later() {
    let begin = Instant::now();
    let mut fresh = fresh(2, begin);
    assert_eq!(fresh.next(ONE), Some((LANE, Position(1))));
    assert_eq!(stored(&mut fresh, begin + SLOW), Some((2, vec![])));
    assert!(fresh.have_rows(Position(2)).is_empty());
    assert!(fresh.is_empty() && !fresh.has_waiting(ONE), "the second is found by its row");
    let outcome = fresh.arrived(delivered(1), LANE);
    assert_eq!(outcome.map(|one| one.position.0), Some(1), "it has a row by now");
}

#[test]
fn what_waits_behind_a_delivery_that_got_a_row_does_not_overtake_it() {
    let begin = Instant::now();
    let mut fresh = fresh(1, begin);
    assert_eq!(stored(&mut fresh, begin + SLOW), Some((1, vec![])));
    // Another event of the lane is read while the row is written.
    fresh.queue(ONE, LANE, Position(2));
    fresh.read(Position(2), 1, 1, begin + SLOW);
    fresh.read_all_to(Position(2));
    assert!(fresh.have_rows(Position(1)).is_empty());
    assert_eq!(fresh.next(ONE), None, "the first has a row and has not begun");
    assert!(fresh.is_left(ONE));
    assert_eq!(stored(&mut fresh, begin + SLOW), Some((2, vec![])));
}

#[test]
fn what_arrives_while_its_row_is_written_is_handed_on() {
    let begin = Instant::now();
    let mut fresh = fresh(1, begin);
    assert_eq!(stored(&mut fresh, begin + SLOW), Some((1, vec![])));
    assert!(fresh.arrived(delivered(1), LANE).is_none());
    assert_eq!(fresh.have_rows(Position(1)).len(), 1);
    assert!(!fresh.has_arrived());
}

#[test]
fn an_endpoint_that_is_left_to_rows_is_so_until_they_are_written() {
    let begin = Instant::now();
    let mut fresh = fresh(3, begin);
    fresh.leave_to_rows(ONE);
    assert!(fresh.is_left(ONE) && fresh.next(ONE).is_none());
    assert_eq!(stored(&mut fresh, begin), Some((3, vec![])));
    assert!(fresh.have_rows(Position(2)).is_empty() && fresh.is_left(ONE));
    assert!(fresh.have_rows(Position(3)).is_empty() && !fresh.is_left(ONE));
}

#[test]
fn what_is_read_behind_events_that_wait_for_rows_does_not_overtake_them() {
    let mut fresh = Fresh::default();
    for position in [1, 2].map(Position) {
        fresh.read(position, 1, 0, Instant::now());
        fresh.read_all_to(position);
        fresh.wait_for_rows(ONE);
    }
    assert!(fresh.have_rows(Position(1)).is_empty());
    assert!(fresh.is_left(ONE), "the second has no row yet");
    assert!(fresh.have_rows(Position(2)).is_empty());
    assert!(!fresh.is_left(ONE));
}

#[test]
fn a_stop_stores_what_arrived_however_much_is_under_way() {
    let begin = Instant::now();
    let mut fresh = fresh(3, begin);
    fresh.arrived(delivered(2), LANE);
    fresh.stop();
    assert_eq!(stored(&mut fresh, begin), Some((2, vec![2])));
}

#[test]
fn rows_are_written_for_events_that_cannot_be_read() {
    let mut fresh = Fresh::default();
    fresh.want_rows(Position(4));
    assert!(!fresh.is_empty());
    assert_eq!(stored(&mut fresh, Instant::now()), Some((4, vec![])));
    assert!(fresh.have_rows(Position(4)).is_empty());
    assert_eq!(stored(&mut fresh, Instant::now()), None);
}
