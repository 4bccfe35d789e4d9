//! Which worker is next.

use super::*;
use moothall_core::ids::{Generation, PluginDigestId};
use moothall_core::retry::RetryPolicy;

const ACME: CommunityId = CommunityId(1);
const LONG: RetryPolicy = RetryPolicy::doubling(3_600_000, 3_600_000);
const NONE: RetryPolicy = RetryPolicy::listed(&[0]);

fn row(id: i64, community: CommunityId, crashes: u32) -> WorkerRow {
    WorkerRow {
        id: WorkerId(id),
        instance: InstanceId(id * 10),
        community,
        name: format!("worker-{id}"),
        cursor: Position::START,
        enabled: true,
        asked: (PluginDigestId::NONE, Generation(1)),
        crashes,
    }
}

/// Workers of one community, each of which has run once.
fn idle(workers: impl IntoIterator<Item = i64>) -> WorkerQueue {
    let mut queue = WorkerQueue::new(Position::START);
    workers.into_iter().for_each(|id| queue.add(row(id, ACME, 0)));
    all(&mut queue).into_iter().for_each(|id| queue.ended(WorkerId(id), BatchOutcome::Idle));
    queue
}

/// All that are next, one after the other.
fn all(queue: &mut WorkerQueue) -> Vec<i64> {
    std::iter::from_fn(|| queue.next()).map(|worker| worker.0).collect()
}

fn event(position: i64, of: Option<CommunityId>) -> Envelope {
    let text = String::new;
    Envelope {
        position: Position(position),
        id: text(),
        seq: position,
        community: text(),
        of,
        source: text(),
        event_type: text(),
        time: position * 1_000,
        data: text(),
        initiator: None,
        dedupe_key: None,
        origin: text(),
        instance: None,
        request_id: text(),
        key: text(),
    }
}

fn backing_off(policy: RetryPolicy) -> BatchOutcome {
    BatchOutcome::BackOff { policy, reason: "its plugin is away".into() }
}

#[test]
fn new_workers_run_and_those_whose_event_may_end_the_host_run_last() {
    let mut queue = WorkerQueue::new(Position::START);
    for (id, crashes) in [(1, 2), (2, 0), (3, 1), (4, 3)] {
        queue.add(row(id, ACME, crashes));
    }
    assert_eq!(all(&mut queue), [3, 2, 1, 4]);
    assert_eq!(queue.last(), WorkerId(4));
}

#[test]
fn no_worker_runs_twice_at_once() {
    let mut queue = idle([1]);
    queue.wake(WorkerId(1));
    queue.wake(WorkerId(1));
    assert_eq!(all(&mut queue), [1]);
    queue.wake(WorkerId(1));
    assert_eq!(all(&mut queue), [0; 0], "it is running");
    queue.ended(WorkerId(1), BatchOutcome::Idle);
    assert_eq!(all(&mut queue), [1], "it was woken meanwhile");
    queue.ended(WorkerId(1), BatchOutcome::Idle);
    assert_eq!((all(&mut queue), queue.idle()), (vec![], vec![WorkerId(1)]));
}

#[test]
fn a_worker_with_more_to_do_runs_after_the_others() {
    let mut queue = idle([1, 2]);
    queue.wake(WorkerId(1));
    queue.wake(WorkerId(2));
    assert_eq!(queue.next(), Some(WorkerId(1)));
    queue.ended(WorkerId(1), BatchOutcome::More { since: Some(5) });
    assert_eq!(all(&mut queue), [2, 1]);
}

#[test]
fn an_event_wakes_those_of_its_community_and_of_the_host_that_want_it() {
    let mut queue = WorkerQueue::new(Position::START);
    for (id, community) in [(1, ACME), (2, CommunityId(2)), (3, CommunityId::HOST), (4, ACME)] {
        queue.add(row(id, community, 0));
    }
    all(&mut queue).into_iter().for_each(|id| queue.ended(WorkerId(id), BatchOutcome::Idle));
    queue.wake_for(&event(7, Some(ACME)), |instance, name| {
        assert_eq!(name, format!("worker-{}", instance.0 / 10));
        instance.0 != 40
    });
    let mut woken = all(&mut queue);
    woken.sort_unstable();
    assert_eq!((woken, queue.tail()), (vec![1, 3], Position(7)));
    queue.wake_for(&event(8, None), |_, _| true);
    queue.ended(WorkerId(3), BatchOutcome::Idle);
    assert_eq!(all(&mut queue), [3], "an event of no community is for plugins of host scope");
    assert_eq!(queue.workers[&WorkerId(3)].since, Some(8_000), "since it was woken for it");
}

#[test]
fn a_worker_that_backs_off_is_not_woken_and_runs_by_itself() {
    let mut queue = idle([1, 2]);
    for id in [1, 2] {
        queue.wake(WorkerId(id));
    }
    assert_eq!(all(&mut queue), [1, 2]);
    queue.ended(WorkerId(1), backing_off(LONG));
    queue.ended(WorkerId(2), BatchOutcome::BackOff { policy: NONE, reason: String::new() });
    queue.wake(WorkerId(1));
    assert_eq!(all(&mut queue), [2]);
}

#[test]
fn a_roused_worker_runs_once_and_not_again_when_its_backoff_is_over() {
    let mut queue = idle([1, 2]);
    for id in [1, 2] {
        queue.wake(WorkerId(id));
    }
    all(&mut queue);
    queue.ended(WorkerId(1), BatchOutcome::BackOff { policy: NONE, reason: "x".into() });
    queue.ended(WorkerId(2), backing_off(LONG));
    queue.rouse(|instance| instance == InstanceId(10));
    assert_eq!(queue.workers[&WorkerId(1)].failures, 0, "what it waited for may be there");
    assert_eq!(all(&mut queue), [1]);
    queue.ended(WorkerId(1), BatchOutcome::Idle);
    assert_eq!(all(&mut queue), [0; 0], "its backoff was over before it ran");
}

#[test]
fn failures_count_while_the_reason_lasts() {
    let mut queue = idle([1]);
    for (outcome, failures) in [
        (backing_off(NONE), 1),
        (backing_off(NONE), 2),
        (BatchOutcome::BackOff { policy: NONE, reason: String::new() }, 2),
        (BatchOutcome::More { since: None }, 0),
    ] {
        queue.wake(WorkerId(1));
        assert_eq!(all(&mut queue), [1]);
        queue.ended(WorkerId(1), outcome);
        assert_eq!(queue.workers[&WorkerId(1)].failures, failures);
    }
}

#[test]
fn a_worker_that_is_gone_is_forgotten_unless_it_is_running() {
    let mut queue = idle([1, 2, 3]);
    for id in [1, 2] {
        queue.wake(WorkerId(id));
    }
    assert_eq!(all(&mut queue), [1, 2]);
    queue.ended(WorkerId(1), BatchOutcome::Gone);
    queue.forget_gone(|_| false);
    assert_eq!(queue.workers.keys().collect::<Vec<_>>(), [&WorkerId(2)], "3 had nothing to do");
    queue.ended(WorkerId(2), BatchOutcome::Gone);
    assert!(queue.is_empty() && queue.by_community.is_empty());
}
