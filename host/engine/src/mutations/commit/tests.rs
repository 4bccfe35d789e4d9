//! In which order the locks are taken, what is seen afterwards, and what the next holder of a lock finds.

use super::*;
use moothall_core::instance::LockError;
use moothall_core::instance::made::{instance, names};

const SOON: Duration = Duration::from_millis(10);

#[test]
fn the_locks_of_what_changes_are_taken_in_ascending_id() {
    let all = [5, 2, 9, 3].map(|id| instance(id, "probe", Some(&id.to_string())));
    let [five, two, nine, three] = all;
    let steps = [
        PlanStep::Remove(five),
        PlanStep::Keep(two),
        PlanStep::Remove(nine),
        PlanStep::Remove(three),
    ];
    let ids: Vec<i64> = to_lock(&steps).iter().map(|(instance, _)| instance.id.0).collect();
    assert_eq!(ids, [3, 5, 9], "and none of what stays");
}

fn plan(before: Option<&str>, after: Option<&str>, steps: Vec<PlanStep>) -> Plan {
    Plan { before: before.map(names), after: after.map(names), steps }
}

#[test]
fn what_stays_is_seen_under_the_communitys_new_name_and_what_is_removed_is_not() {
    let (stays, goes) = (instance(2, "probe", None), instance(1, "team", None));
    let steps = || vec![PlanStep::Keep(stays.clone()), PlanStep::Remove(goes.clone())];
    let same = community_after(&plan(Some("acme"), Some("acme"), steps())).unwrap();
    assert_eq!(same.instances.len(), 1);
    assert!(Arc::ptr_eq(&same.instances[0], &stays), "it is the same one");
    let renamed = community_after(&plan(Some("acme"), Some("other"), steps())).unwrap();
    assert_eq!(renamed.instances.len(), 1);
    assert_eq!(renamed.instances[0].community.slug.as_str(), "other");
    assert_eq!(renamed.instances[0].id, stays.id);
    assert!(community_after(&plan(Some("acme"), None, steps())).is_none(), "it is deleted");
}

#[test]
fn instances_are_seen_in_ascending_id() {
    let steps = [3, 1, 2].map(|id| PlanStep::Keep(instance(id, "probe", Some(&id.to_string()))));
    let after = community_after(&plan(Some("acme"), Some("acme"), steps.into())).unwrap();
    assert_eq!(after.instances.iter().map(|one| one.id.0).collect::<Vec<_>>(), [1, 2, 3]);
}

#[tokio::test]
async fn a_call_of_before_is_told_that_its_instance_was_replaced() {
    for (next, expected) in [
        (Some(Generation(1)), Ok(())),
        (Some(Generation(2)), Err(LockError::Replaced)),
        (None, Err(LockError::Replaced)),
    ] {
        let one = instance(1, "probe", None);
        let mut lock = one.lock(Access::Exclusive, SOON).await.unwrap();
        lock.locked_state_mut().unwrap().state_bytes = Some(7);
        assert_eq!(one.lock(Access::Shared, SOON).await.map(drop), Err(LockError::Busy));
        release((lock, next));
        assert_eq!(one.lock(Access::Shared, SOON).await.map(drop), expected, "{next:?}");
    }
}

#[tokio::test]
async fn what_config_changed_wrote_is_counted_anew() {
    let one = instance(1, "probe", None);
    let mut lock = one.lock(Access::Exclusive, SOON).await.unwrap();
    lock.locked_state_mut().unwrap().state_bytes = Some(7);
    release((lock, Some(Generation(1))));
    let lock = one.lock(Access::Shared, SOON).await.unwrap();
    assert_eq!(lock.locked_state().state_bytes, None);
}
