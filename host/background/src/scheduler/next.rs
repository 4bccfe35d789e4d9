//! When a schedule is due next, by what came of its tick. Knows neither store nor guests.

use moothall_core::retry::{PLUGIN_WORK, TRANSIENT_MS};
use moothall_core::schedule::Schedule;
use moothall_engine::calls::CallError;
use moothall_guest::cut;
use moothall_store::{Advance, ScheduleRow};

/// Wait of a tick whose plugin does not serve, in milliseconds; when its file is loaded again, its ticks follow their rhythm
/// again.
const ABSENT_MS: i64 = 60_000;
/// Longest error that a schedule remembers, in bytes.
const ERROR_BYTES: usize = 500;

/// When the next one is due.
pub enum Rhythm {
    Schedule(Schedule),
    Closing,
}

pub fn after_success(row: &ScheduleRow, rhythm: &Rhythm, now: i64) -> Advance {
    match rhythm {
        Rhythm::Schedule(schedule) => advance(row, schedule.after(row.due_at, now), now, 0, None),
        // If the call completed the process, this row is gone; otherwise it is closed again.
        Rhythm::Closing => closing_again(row, now, Some("the process was not completed".into())),
    }
}

/// After a failure of the plugin the wait grows; after a transient one it is short. Without a rhythm the plugin does not
/// serve.
pub fn after_failure(
    row: &ScheduleRow,
    rhythm: Option<&Rhythm>,
    error: &CallError,
    now: i64,
) -> Advance {
    let said = Some(cut(error.to_string(), ERROR_BYTES));
    match (error, rhythm) {
        (error, _) if error.is_transient() => {
            advance(row, now + TRANSIENT_MS, now, row.failures, said)
        }
        (_, None) => advance(row, now + ABSENT_MS, now, row.failures, said),
        (_, Some(Rhythm::Closing)) => closing_again(row, now, said),
        (_, Some(Rhythm::Schedule(schedule))) => {
            let failures = row.failures.saturating_add(1);
            advance(row, schedule.after_failure(row.due_at, now, failures), now, failures, said)
        }
    }
}

/// For a tick whose plugin has as many ticks under way as it may.
pub fn later(row: &ScheduleRow, now: i64) -> Advance {
    let error = Some("its plugin has too many ticks under way".to_owned());
    advance(row, now + TRANSIENT_MS, now, row.failures, error)
}

fn closing_again(row: &ScheduleRow, now: i64, error: Option<String>) -> Advance {
    let failures = row.failures.saturating_add(1);
    advance(row, now + PLUGIN_WORK.wait_ms(failures), now, failures, error)
}

fn advance(row: &ScheduleRow, to: i64, at: i64, failures: u32, error: Option<String>) -> Advance {
    Advance { id: row.id, from: row.due_at, to, at, failures, error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use moothall_core::ids::InstanceId;
    use moothall_core::schedule::ScheduleKind;
    use moothall_engine::plugins::Away;
    use moothall_guest::Fault;

    const NOW: i64 = 10_000_000;

    /// Due a little before now, after so many failures.
    fn row(failures: u32) -> ScheduleRow {
        let due_at = NOW - 10;
        ScheduleRow {
            id: 7,
            instance: InstanceId(1),
            process: None,
            kind: ScheduleKind::Producer,
            due_at,
            last_at: None,
            failures,
            last_error: None,
        }
    }

    fn each_minute() -> Rhythm {
        Rhythm::Schedule(Schedule::parse(Some("60s"), None, None, None).unwrap())
    }

    /// How long it waits from now on, and how often it has failed by then.
    fn decided(advance: &Advance) -> (i64, u32) {
        assert_eq!((advance.id, advance.from, advance.at), (7, NOW - 10, NOW));
        (advance.to - NOW, advance.failures)
    }

    #[test]
    fn one_that_succeeds_keeps_its_rhythm_and_its_failures_are_forgotten() {
        let next = after_success(&row(5), &each_minute(), NOW);
        assert_eq!(decided(&next), (59_990, 0));
        assert_eq!(next.error, None);
    }

    #[test]
    fn one_that_fails_by_its_plugins_fault_waits_longer_each_time() {
        let trap = CallError::from(Fault::Trap("x".into()));
        let waits = [0, 1, 2, 20].map(|failures| {
            decided(&after_failure(&row(failures), Some(&each_minute()), &trap, NOW))
        });
        assert_eq!(waits, [(60_000, 1), (120_000, 2), (240_000, 3), (3_600_000, 21)]);
        let host = CallError::from(Fault::Host("x".into()));
        let next = after_failure(&row(0), Some(&each_minute()), &host, NOW);
        assert_eq!(decided(&next), (60_000, 1), "it may come again and again");
        assert_eq!(next.error.as_deref(), Some("the host failed: x"));
    }

    #[test]
    fn after_a_transient_fault_a_tick_comes_again_soon_and_has_not_failed() {
        for fault in [Fault::InstanceBusy, Fault::Unsettled, Fault::Store("x".into())] {
            for rhythm in [None, Some(each_minute()), Some(Rhythm::Closing)] {
                let error = CallError::from(fault.clone());
                let next = after_failure(&row(3), rhythm.as_ref(), &error, NOW);
                assert_eq!(decided(&next), (1_000, 3), "{error}");
            }
        }
        assert_eq!(decided(&later(&row(3), NOW)), (1_000, 3));
    }

    #[test]
    fn a_tick_of_a_plugin_that_does_not_serve_comes_each_minute_and_has_not_failed() {
        let away = CallError::PluginUnavailable("probe".into(), Away::Gone);
        assert_eq!(decided(&after_failure(&row(3), None, &away, NOW)), (60_000, 3));
    }

    #[test]
    fn a_process_that_is_not_completed_at_its_closing_time_is_closed_again_and_again() {
        let trap = CallError::from(Fault::Trap("x".into()));
        let waits = [0, 1, 7, 100];
        let failed = waits.map(|failures| {
            decided(&after_failure(&row(failures), Some(&Rhythm::Closing), &trap, NOW))
        });
        let expected = [(1_000, 1), (5_000, 2), (7_200_000, 8), (7_200_000, 101)];
        assert_eq!(failed, expected);
        let pending =
            waits.map(|failures| decided(&after_success(&row(failures), &Rhythm::Closing, NOW)));
        assert_eq!(pending, expected, "also where its call succeeded");
    }

    #[test]
    fn a_long_error_is_cut() {
        let long = CallError::from(Fault::Trap("x".repeat(10_000)));
        let next = after_failure(&row(0), Some(&each_minute()), &long, NOW);
        assert_eq!(next.error.map(|error| error.len()), Some(ERROR_BYTES));
    }
}
