//! The plans of statements whose tables grow: each finds its rows by the index that is meant for it.

use super::*;
use crate::tables::plans::assert_plans;
use crate::tables::worker_events;

#[test]
fn what_is_asked_often_is_found_by_its_index() {
    assert_plans(&[
        (UNASKED, "INDEX worker_unasked "),
        (WANTS_SENDING, "INDEX worker_sending "),
        (WANTS_CHANGE, "INDEX worker_change "),
        (PURGE_EVENTS, "INDEX worker_event_worker "),
        (worker_events::NEXT_WORKER, "INDEX worker_event_due (worker_id>?)"),
        (worker_events::PUT_BEHIND, "INDEX worker_event_due (worker_id=? AND due_at>?)"),
        (worker_events::GIVE_UP_BEFORE, "INDEX worker_event_position (position<?)"),
        (worker_events::PURGE_DEAD, "INDEX worker_event_dead (due_at<?)"),
    ]);
}
