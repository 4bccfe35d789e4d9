//! Writes that may rest on those before them: a failure fails what comes after it in the same chain, and nothing else.

use super::*;
use moothall_core::chain::{Chain, Standing};

type Written = Result<QueuedWrite<()>, StoreError>;

/// A store that waits for as long as a test holds its writer.
fn patient() -> StoreConfig {
    StoreConfig { stalled_ms: 600_000, ..config() }
}

fn queue(
    store: &Store,
    link: Option<Link>,
    run: impl FnOnce(&Tx<'_>) -> Result<(), StoreError> + Send + 'static,
) -> Written {
    store.queue_write("test.linked", 0, run, None, link)
}

/// The next write of the chain, which stores that scope.
fn next(store: &Store, chain: &Arc<Chain>, scope: &'static str) -> Written {
    queue(store, Some(chain.link().unwrap()), move |tx| add(tx, scope))
}

async fn stored(written: Written) -> bool {
    match written.unwrap().stored().await {
        Ok(()) => true,
        Err(StoreError::Unavailable(_) | StoreError::Stalled) => false,
        Err(other) => panic!("{other:?}"),
    }
}

/// How the writes end of one chain whose second write does `run`: before it, itself, after it, and one of no chain.
async fn around(
    run: impl FnOnce(&Tx<'_>) -> Result<(), StoreError> + Send + 'static,
) -> ([bool; 5], Arc<Chain>) {
    let (directory, store) = open(&patient());
    let (chain, other) = (Arc::<Chain>::default(), Arc::<Chain>::default());
    let first = hang(&store);
    first.begun.recv().unwrap();
    let before = next(&store, &chain, "before");
    let itself = queue(&store, Some(chain.link().unwrap()), run);
    let after = next(&store, &chain, "after");
    let of_another = next(&store, &other, "of another");
    let of_none = queue(&store, None, |tx| add(tx, "of none"));
    first.go_on.send(()).unwrap();
    let outcomes = [
        stored(before).await,
        stored(itself).await,
        stored(after).await,
        stored(of_another).await,
        stored(of_none).await,
    ];
    for (scope, is_stored) in
        ["before", "itself", "after", "of another", "of none"].iter().zip(outcomes)
    {
        assert_eq!(has(&store, scope), is_stored, "{scope}");
    }
    drop((store, directory));
    (outcomes, chain)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_a_chain_are_stored_in_their_order() {
    let (outcomes, chain) = around(|tx| add(tx, "itself")).await;
    assert_eq!(outcomes, [true; 5]);
    assert!(matches!(chain.standing(), Standing::Stored));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_savepoint_that_fails_fails_what_rests_on_it_and_nothing_else() {
    let fails = |tx: &Tx<'_>| {
        add(tx, "itself")?;
        Err(StoreError::NoRoom("as a test wants it"))
    };
    let (_directory, store) = open(&patient());
    let chain = Arc::<Chain>::default();
    let first = hang(&store);
    first.begun.recv().unwrap();
    let itself = queue(&store, Some(chain.link().unwrap()), fails);
    let after = next(&store, &chain, "after");
    first.go_on.send(()).unwrap();
    let itself = itself.unwrap().stored().await;
    assert!(matches!(itself, Err(StoreError::NoRoom(_))), "its own error: {itself:?}");
    let after = after.unwrap().stored().await.unwrap_err().to_string();
    assert!(after.contains("a write before it") && after.contains("as a test wants it"), "{after}");
    assert!(!has(&store, "itself") && !has(&store, "after"));
    let (outcomes, chain) = around(|_| Err(StoreError::Stalled)).await;
    assert_eq!(outcomes, [true, false, false, true, true]);
    assert!(matches!(chain.standing(), Standing::Broken));
    chain.all_ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_panics_fails_what_rests_on_it_and_nothing_else() {
    let (outcomes, _) = around(|_| panic!("as a test wants it")).await;
    assert_eq!(outcomes, [true, false, false, true, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_its_caller_gave_up_fails_what_rests_on_it() {
    let (_directory, store) = open(&patient());
    let chain = Arc::<Chain>::default();
    let first = hang(&store);
    first.begun.recv().unwrap();
    let given_up = next(&store, &chain, "given up");
    let after = next(&store, &chain, "after");
    assert!(given_up.as_ref().unwrap().claim.give_up(), "the writer has not begun it");
    first.go_on.send(()).unwrap();
    assert!(!stored(after).await && !stored(given_up).await);
    assert!(!has(&store, "given up") && !has(&store, "after"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_panics_breaks_no_chain() {
    let (_directory, store) = open(&patient());
    let chain = Arc::<Chain>::default();
    let first = hang(&store);
    first.begun.recv().unwrap();
    let panics: AfterWrite<()> = Box::new(|_| panic!("as a test wants it"));
    let link = Some(chain.link().unwrap());
    let itself = store.queue_write("test.panic", 0, |tx| add(tx, "itself"), Some(panics), link);
    let after = next(&store, &chain, "after");
    first.go_on.send(()).unwrap();
    assert!(stored(itself).await && stored(after).await);
    assert!(has(&store, "itself") && has(&store, "after"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_fails_takes_the_chain_with_it_and_the_next_chain_is_stored() {
    let (directory, store) = open(&StoreConfig { busy_ms: 50, ..patient() });
    let (chain, next_chain) = (Arc::<Chain>::default(), Arc::<Chain>::default());
    let other = Connection::open(directory.path().join("a.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (one, two) = (next(&store, &chain, "one"), next(&store, &chain, "two"));
    assert!(!stored(one).await && !stored(two).await);
    assert!(chain.link().is_err(), "it is over");
    assert!(!has(&store, "one") && !has(&store, "two"));
    other.execute_batch("COMMIT").unwrap();
    store.health().until_it_can_write().await;
    assert!(stored(next(&store, &next_chain, "after")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_for_which_the_queue_has_no_room_leaves_the_chain_as_it_was() {
    let (_directory, store) = open(&StoreConfig { queued_writes: 1, ..patient() });
    let chain = Arc::<Chain>::default();
    let first = hang(&store);
    first.begun.recv().unwrap();
    let one = next(&store, &chain, "one");
    let refused = next(&store, &chain, "two");
    assert!(matches!(refused, Err(StoreError::Busy)));
    first.go_on.send(()).unwrap();
    assert!(stored(one).await);
    assert!(matches!(chain.standing(), Standing::Stored));
    assert!(stored(next(&store, &chain, "three")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_seen_a_write_waits_for_it_and_is_told_that_it_failed() {
    let (_directory, store) = open(&patient());
    let chain = Arc::<Chain>::default();
    let first = hang(&store);
    first.begun.recv().unwrap();
    let seen = |chain: &Arc<Chain>| match chain.standing() {
        Standing::Unstored(seen, _) => seen,
        other => panic!("{other:?}"),
    };
    let good = next(&store, &chain, "good");
    let of_good = seen(&chain);
    let bad = queue(&store, Some(chain.link().unwrap()), |_| Err(StoreError::Stale));
    let of_bad = seen(&chain);
    first.go_on.send(()).unwrap();
    store.until_stored(&of_good).await.unwrap();
    assert!(has(&store, "good"), "it has waited");
    assert!(store.until_stored(&of_bad).await.is_err());
    assert!(stored(good).await);
    assert!(matches!(bad.unwrap().stored().await, Err(StoreError::Stale)));
}
