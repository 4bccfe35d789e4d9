//! What is counted of a call's writes, and what the next holder of its lock finds.

use std::time::Duration;

use super::*;
use moothall_core::day_budget::DayBudgets;
use moothall_core::ids::{InstanceId, PersonId, PluginName, ProcessId};
use moothall_core::instance::Access;
use moothall_core::instance::made::{instance, names};

const SOON: Duration = Duration::from_millis(10);

fn writes(change: ProcessChange) -> Writes {
    let process =
        ProcessRef { id: ProcessId(1), public_id: "p".into(), name: "vote".into(), is_new: false };
    let state = [("a", Some("12")), ("bc", None)]
        .map(|(key, value)| StateChange { key: key.into(), value: value.map(Into::into) });
    Writes { state: state.into(), process: Some((Arc::new(process), change)), ..Writes::default() }
}

#[test]
fn rows_and_bytes_are_counted_with_the_process() {
    let state = [("k".to_owned(), Some("123".to_owned()))].into();
    let change = ProcessChange { state, ..ProcessChange::default() };
    let all = writes(change);
    assert_eq!((all.rows(), all.bytes()), (2 + 2, 1 + 2 + 2 + 1 + 3));
    assert_eq!((Writes::default().rows(), Writes::default().bytes()), (0, 0));
}

#[test]
fn only_a_process_whose_status_says_so_is_completed() {
    for (status, is_completed) in [
        (None, false),
        (Some(ProcessStatus::Pending), false),
        (Some(ProcessStatus::Completed), true),
    ] {
        let change = ProcessChange { status, ..ProcessChange::default() };
        assert_eq!(writes(change).completes(), is_completed, "{status:?}");
    }
    assert!(!Writes::default().completes());
}

#[test]
fn calls_go_on_after_state_and_events_and_wait_for_everything_that_is_read_in_a_table() {
    let goes_on = |writes: Writes| writes.are_seen_before_they_are_stored();
    let state = vec![StateChange { key: "a".into(), value: None }];
    let event = |dedupe: Option<&str>| NewEvent {
        dedupe: dedupe.map(|key| (instance_scope(InstanceId(1)), key.to_owned())),
        ..NewEvent::of_api("a", &names("acme"), "{}".into(), "r".into(), 1)
    };
    let accounts = vec![AccountChange::Person(PersonId(1))];
    assert!(goes_on(Writes { state, events: vec![event(None)], ..Writes::default() }));
    assert!(!goes_on(writes(ProcessChange::default())));
    assert!(!goes_on(Writes { events: vec![event(Some("k"))], ..Writes::default() }));
    assert!(!goes_on(Writes { accounts, ..Writes::default() }));
}

#[test]
fn a_days_bytes_are_used_up_by_what_was_stored_and_nothing_else() {
    let spent = DayBudgets::default().of_plugin(&PluginName::parse("probe").unwrap());
    for (is_stored, today) in [(false, 0), (true, 40), (false, 40)] {
        settle(Some(spent.charge(1, 40, 100).unwrap()), is_stored);
        assert_eq!(spent.today(1), today);
    }
}

#[tokio::test]
async fn the_size_of_the_state_is_remembered_if_it_was_stored() {
    let one = instance(1, "probe", None);
    for (stored, expected) in [(Some(7), Some(7)), (None, Some(7)), (Some(9), Some(9))] {
        let lock = one.lock(Access::Exclusive, SOON).await.unwrap();
        assert!(one.lock(Access::Shared, SOON).await.is_err(), "it is held");
        release(lock, &[], stored);
        let lock = one.lock(Access::Shared, SOON).await.unwrap();
        assert_eq!(lock.locked_state().state_bytes, expected);
    }
}
