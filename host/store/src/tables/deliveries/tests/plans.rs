//! However much was delivered: each statement finds its rows by the index that is meant for it.

use super::super::{FINISHED, LANE_TAKEN, NEXT_OF_LANE, ROW_OF, due, fan_out, list};
use crate::tables::plans::assert_plans;

#[test]
fn what_waits_is_found_by_an_index_of_what_waits() {
    assert_plans(&[
        (LANE_TAKEN, "INDEX delivery_lane (endpoint_id=? AND key_id=?)"),
        (ROW_OF, "INDEX delivery_held (event_position=? AND endpoint_id=?)"),
        (NEXT_OF_LANE, "w USING INDEX delivery_lane (endpoint_id=? AND key_id=?)"),
        (fan_out::WAITS_FOR, "INDEX delivery_lane (endpoint_id=? AND key_id>?)"),
        (due::NEXT_ENDPOINT, "INDEX delivery_due (endpoint_id>?)"),
        (due::DUE, "INDEX delivery_due (endpoint_id=? AND due_at>? AND due_at<?)"),
        (due::LANE, "INDEX delivery_lane (endpoint_id=? AND key_id=?)"),
        (due::OLDEST, "INDEX delivery_due (endpoint_id=? AND due_at>?)"),
        (due::EXPIRED, "INDEX delivery_expires (expires_at<?)"),
        (due::ORPHANED, "INDEX delivery_lane (endpoint_id=? AND key_id>?)"),
        (due::ORPHANED, "SCAN endpoint USING INDEX endpoint_deleted"),
        (due::WAITING, "SCAN delivery USING INDEX delivery_expires"),
        (list::COUNT, "INDEX delivery_lane (endpoint_id=? AND key_id>?)"),
    ]);
}

#[test]
fn a_page_steps_over_the_rows_of_one_index() {
    assert_plans(&[
        (FINISHED, "INDEX delivery_finished (state=? AND finished_at<?)"),
        (list::FAILURES, "INDEX delivery_endpoint (endpoint_id=?)"),
        (list::RECOVERABLE, "INDEX delivery_endpoint (endpoint_id=? AND id>?)"),
        (list::RECOVERABLE_OPEN, "INDEX delivery_open (state=? AND id>?)"),
        (&list::walk(list::OPEN), "INDEX delivery_open (state=? AND id<?)"),
        (&list::walk(list::OF_ENDPOINT), "INDEX delivery_endpoint (endpoint_id=? AND id<?)"),
        (&list::walk(list::OF_COMMUNITY), "INDEX delivery_community (community_id=? AND id<?)"),
    ]);
}
