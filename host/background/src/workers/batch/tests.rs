//! Which failures of a worker lead to another attempt, and which make a dead letter.

use super::*;
use moothall_engine::plugins::Away;
use moothall_guest::GuestError;

const NOW: i64 = 1_000_000;

/// The failure that the error counts as; none if it counts as no attempt.
fn failure_of(error: CallError) -> Option<Failure> {
    match handled_after_error(error) {
        Handled::Done(_) => panic!("an error is not done"),
        Handled::NotNow(_) => None,
        Handled::Failed(failure, _) => Some(failure),
    }
}

fn refusal(kind: Kind) -> CallError {
    let refusal = GuestError { kind, message: "no".into(), details: None, retryable: true };
    CallError::Refused(refusal, None)
}

#[test]
fn a_transient_failure_or_an_absent_plugin_uses_up_no_attempt() {
    for error in [
        Fault::InstanceBusy.into(),
        Fault::InstanceReplaced.into(),
        Fault::Unsettled.into(),
        CallError::PluginUnavailable("probe".into(), Away::Gone),
    ] {
        let said = error.to_string();
        assert_eq!(failure_of(error), None, "{said}");
    }
}

#[test]
fn only_an_error_of_the_plugin_that_says_so_is_permanent() {
    assert_eq!(failure_of(refusal(Kind::Own("permanent".into()))), Some(Failure::Permanent));
    for kind in [Kind::Own("other".into()), Kind::Invalid, Kind::Unavailable] {
        assert_eq!(failure_of(refusal(kind)), Some(Failure::Passing));
    }
    for fault in [Fault::Trap("x".into()), Fault::Timeout("x".into()), Fault::Host("x".into())] {
        assert_eq!(failure_of(fault.into()), Some(Failure::Passing));
    }
}

#[test]
fn what_is_remembered_of_an_error_is_bounded() {
    let Handled::Failed(_, error) = handled_after_error(Fault::Trap("x".repeat(10_000)).into())
    else {
        panic!("a trap is a failure");
    };
    assert_eq!(error.len(), ERROR_BYTES);
}

#[test]
fn each_attempt_comes_later_until_there_were_enough() {
    let waits =
        [1, 2, 8, 9, 100].map(|attempts| match fate(attempts, 1_000, Failure::Passing, NOW) {
            Fate::Again(at) => at - NOW,
            other => panic!("{other:?}"),
        });
    assert_eq!(waits, [1_000, 5_000, 7_200_000, 7_200_000, 7_200_000]);
    assert_eq!(fate(7, 8, Failure::Passing, NOW), Fate::Again(NOW + 3_600_000));
    assert_eq!(fate(8, 8, Failure::Passing, NOW), Fate::Dead, "the first attempt counts");
    assert_eq!(fate(1, 1, Failure::Passing, NOW), Fate::Dead);
    assert_eq!(fate(1, 8, Failure::Permanent, NOW), Fate::Dead, "no attempt would change it");
}
