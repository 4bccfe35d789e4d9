//! Who waits for what is queued, and who sees it.

use super::*;
use crate::instance::made::instance;

const SOON: Duration = Duration::from_millis(10);

/// A call that runs ahead writes a value and lets the next one go on.
async fn write(one: &Instance, value: &str) -> Link {
    let mut lock = one.lock_ahead(Access::Exclusive, SOON).await.unwrap();
    let link = lock.link().unwrap().unwrap();
    lock.lead(vec![("n".into(), Some(value.into()))], Some(7));
    link
}

/// The value that a call sees which runs ahead, if it is not stored.
async fn unstored(one: &Instance, access: Access) -> Option<Arc<str>> {
    let mut lock = one.lock_ahead(access, SOON).await.unwrap();
    assert_eq!(lock.seen().is_some(), lock.unstored.is_some());
    lock.take_unstored()?.get("n").cloned().flatten()
}

#[tokio::test]
async fn one_that_runs_ahead_sees_what_is_queued_and_others_wait_for_it() {
    let one = instance(1, "probe", None);
    let link = write(&one, "1").await;
    for access in [Access::Shared, Access::Exclusive] {
        assert_eq!(unstored(&one, access).await.as_deref(), Some("1"));
        assert_eq!(one.lock(access, SOON).await.map(drop), Err(LockError::Busy));
    }
    link.end(Ok(()));
    for access in [Access::Shared, Access::Exclusive] {
        assert_eq!(unstored(&one, access).await, None, "it reads what is stored");
        let lock = one.lock(access, SOON).await.unwrap();
        assert_eq!(lock.locked_state().state_bytes, Some(7));
    }
}

#[tokio::test]
async fn after_a_failure_a_new_chain_begins_when_the_last_write_of_the_old_has_ended() {
    let one = instance(1, "probe", None);
    let (first, second) = (write(&one, "1").await, write(&one, "2").await);
    first.end(Err("no disk"));
    for access in [Access::Shared, Access::Exclusive] {
        assert_eq!(one.lock_ahead(access, SOON).await.map(drop), Err(LockError::Busy));
    }
    second.require_sound().unwrap_err();
    second.end(Err("no disk"));
    assert_eq!(unstored(&one, Access::Shared).await, None);
    let mut lock = one.lock_ahead(Access::Exclusive, SOON).await.unwrap();
    assert_eq!(lock.locked_state().state_bytes, None, "it is counted again");
    lock.link().unwrap().unwrap().require_sound().unwrap();
}

#[tokio::test]
async fn a_call_that_saw_a_write_which_fails_meanwhile_gets_no_place() {
    let one = instance(1, "probe", None);
    let link = write(&one, "1").await;
    let mut lock = one.lock_ahead(Access::Exclusive, SOON).await.unwrap();
    link.end(Err("no disk"));
    assert_eq!(lock.link().unwrap().map(drop), Err("no disk".into()));
}

#[tokio::test]
async fn whoever_waited_for_all_to_be_stored_or_only_reads_adds_nothing() {
    let one = instance(1, "probe", None);
    assert!(one.lock(Access::Exclusive, SOON).await.unwrap().link().is_none());
    assert!(one.lock_ahead(Access::Shared, SOON).await.unwrap().link().is_none());
}

/// The value of "n" that is known to whoever takes the lock.
async fn known(one: &Instance) -> Option<Option<Arc<str>>> {
    one.lock(Access::Shared, SOON).await.unwrap().stored("n")
}

#[tokio::test]
async fn what_one_holder_has_read_the_next_ones_know_and_a_reconfiguration_forgets() {
    let (one, all) = (instance(1, "probe", None), StateCache::new(1_000, 1_000));
    for access in [Access::Shared, Access::Exclusive] {
        let lock = one.lock(access, SOON).await.unwrap();
        assert_eq!(lock.stored("n"), None);
        lock.keep_stored(&all, "n", Some("1"));
        drop(lock);
        assert_eq!(known(&one).await, Some(Some("1".into())));
        one.lock(Access::Exclusive, SOON).await.unwrap().forget_stored();
        assert_eq!(known(&one).await, None);
    }
    assert_eq!(all.used(), 0);
}

#[tokio::test]
async fn a_write_that_keeps_the_lock_is_known_if_it_was_stored() {
    let (one, all) = (instance(1, "probe", None), StateCache::new(1_000, 1_000));
    one.lock(Access::Shared, SOON).await.unwrap().keep_stored(&all, "n", None);
    let write: StateWrite = ("n".into(), Some("1".into()));
    for is_stored in [false, true] {
        let mut lock = one.lock(Access::Exclusive, SOON).await.unwrap();
        let expected = lock.expect_writes([(&write.0, &write.1)].into_iter());
        assert_eq!(expected, std::slice::from_ref(&write));
        if is_stored {
            lock.wrote(&expected, Some(9));
        }
        drop(lock);
        assert_eq!(known(&one).await, is_stored.then(|| Some("1".into())));
    }
    assert_eq!(one.lock(Access::Shared, SOON).await.unwrap().locked_state().state_bytes, Some(9));
}
