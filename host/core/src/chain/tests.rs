//! What the calls on an instance see of writes that are not stored, and what a failed write means for those after it.

mod cached;

use super::*;

const BOUNDS: ChainBounds = ChainBounds { writes: 3, bytes: 1_000 };

/// Queues a write of one key, and shows it to the calls that follow.
fn queue(chain: &Arc<Chain>, value: &str) -> Link {
    let link = chain.link().unwrap();
    chain.show(vec![("n".into(), Some(value.into()))]);
    link
}

/// The value that a call sees that takes the lock now.
fn seen(chain: &Arc<Chain>) -> (Seen, Option<Arc<str>>) {
    match chain.standing() {
        Standing::Unstored(seen, unstored) => (seen, unstored.get("n").cloned().flatten()),
        other => panic!("{other:?}"),
    }
}

/// How it ended; none if it has not.
fn outcome(seen: &Seen) -> Option<Result<(), Arc<str>>> {
    seen.chain.links().outcome(seen.number)
}

fn has_room(link: &Link, key: &str, value: &str) -> bool {
    link.has_room(BOUNDS, [(key, Some(value))].into_iter())
}

#[test]
fn a_call_sees_the_last_write_and_waits_for_all_before_it() {
    let chain = Arc::<Chain>::default();
    assert!(matches!(chain.standing(), Standing::Stored));
    let one = queue(&chain, "1");
    let (first, value) = seen(&chain);
    assert_eq!(value.as_deref(), Some("1"));
    let two = queue(&chain, "2");
    let (second, value) = seen(&chain);
    assert_eq!(value.as_deref(), Some("2"));
    assert_eq!((outcome(&first), outcome(&second)), (None, None));
    one.end(Ok(()));
    assert_eq!((outcome(&first), outcome(&second)), (Some(Ok(())), None), "it waits for no more");
    assert_eq!(seen(&chain).1.as_deref(), Some("2"), "the second is not stored yet");
    two.end(Ok(()));
    assert_eq!(outcome(&second), Some(Ok(())));
    assert!(matches!(chain.standing(), Standing::Stored));
    assert!(chain.links().unstored.is_empty(), "nothing is kept of what is stored");
}

#[test]
fn what_comes_after_a_failed_write_fails_and_what_came_before_does_not() {
    let chain = Arc::<Chain>::default();
    let one = queue(&chain, "1");
    let (before, _) = seen(&chain);
    let two = queue(&chain, "2");
    let (of_it, _) = seen(&chain);
    let three = queue(&chain, "3");
    one.require_sound().unwrap();
    two.fail("no disk");
    assert_eq!(&*three.require_sound().unwrap_err(), "no disk");
    assert!(matches!(chain.standing(), Standing::Broken), "nobody sees any of it any more");
    assert_eq!(chain.link().map(drop), Err("no disk".into()), "a call that had seen it");
    assert_eq!(outcome(&before), None, "the first is not stored yet");
    assert_eq!(outcome(&of_it), Some(Err("no disk".into())));
    one.end(Ok(()));
    assert_eq!(outcome(&before), Some(Ok(())));
    two.end(Err("no disk"));
    three.end(Err("one before it failed"));
    assert_eq!(outcome(&of_it), Some(Err("no disk".into())), "the first reason");
    assert_eq!(outcome(&before), Some(Ok(())));
}

#[test]
fn a_commit_that_fails_takes_back_writes_that_had_run_well() {
    let chain = Arc::<Chain>::default();
    let (one, two) = (queue(&chain, "1"), queue(&chain, "2"));
    let (of_both, _) = seen(&chain);
    two.fail("its own");
    one.end(Err("the commit"));
    two.end(Err("the commit"));
    assert_eq!(outcome(&of_both), Some(Err("the commit".into())));
}

#[tokio::test]
async fn whoever_waits_is_told_when_the_last_write_has_ended() {
    let chain = Arc::<Chain>::default();
    let (one, two) = (queue(&chain, "1"), queue(&chain, "2"));
    let (seen, _) = seen(&chain);
    let ended = async {
        one.end(Ok(()));
        tokio::task::yield_now().await;
        assert!(!chain.links().all_ended());
        two.end(Ok(()));
    };
    let (stored, (), ()) = tokio::join!(seen.stored(), chain.all_ended(), ended);
    assert_eq!(stored, Ok(()));
}

#[test]
fn a_write_that_was_not_queued_leaves_the_chain_as_it_was() {
    let chain = Arc::<Chain>::default();
    let one = queue(&chain, "1");
    chain.link().unwrap().retract();
    let (seen, value) = seen(&chain);
    assert_eq!(value.as_deref(), Some("1"));
    one.end(Ok(()));
    assert_eq!(outcome(&seen), Some(Ok(())));
    assert!(matches!(chain.standing(), Standing::Stored));
}

#[test]
fn a_write_that_the_writer_drops_has_failed() {
    let chain = Arc::<Chain>::default();
    let one = queue(&chain, "1");
    let (seen, _) = seen(&chain);
    drop(one);
    assert_eq!(outcome(&seen), Some(Err(DROPPED.into())));
    assert!(chain.links().all_ended());
}

#[test]
fn a_write_that_is_stored_before_it_is_shown_is_not_shown() {
    let chain = Arc::<Chain>::default();
    chain.link().unwrap().end(Ok(()));
    chain.show(vec![("n".into(), None)]);
    assert!(matches!(chain.standing(), Standing::Stored));
    assert!(chain.links().unstored.is_empty());
}

#[test]
fn what_calls_see_is_bounded_in_writes_and_bytes_until_all_is_stored() {
    let chain = Arc::<Chain>::default();
    let links = ["1", "2", "3"].map(|value| {
        let link = queue(&chain, value);
        assert!(has_room(&link, "n", value));
        link
    });
    let fourth = chain.link().unwrap();
    assert!(!has_room(&fourth, "n", "4"), "three writes");
    links.into_iter().for_each(|link| link.end(Ok(())));
    fourth.end(Ok(()));
    let large = "x".repeat(900);
    let one = queue(&chain, &large);
    let two = chain.link().unwrap();
    assert!(has_room(&two, "n", &large), "a key counts once");
    assert!(!has_room(&two, "another", &large), "both together are too large");
    one.end(Ok(()));
    assert!(!has_room(&two, "n", &large.repeat(2)), "one alone");
    two.end(Ok(()));
    assert_eq!(chain.links().unstored_bytes, 0);
}
