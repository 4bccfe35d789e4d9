//! The cache of stored values: with it, calls read the same values as without it.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

type Key = &'static str;

const KEYS: [Key; 4] = ["a", "b", "c", "d"];

/// An instance, its table, and the writer's queue.
struct Model {
    all: Arc<StateCache>,
    chain: Arc<Chain>,
    table: BTreeMap<Key, u32>,
    /// What is queued, in order.
    queued: VecDeque<(Link, Key, Option<u32>)>,
    /// What was committed and is not answered.
    committed: VecDeque<Link>,
}

#[derive(Clone, Debug)]
enum Step {
    Read(usize),
    /// A call runs ahead, and its write is queued.
    Queue(usize, Option<u32>),
    /// The same, and the writer is faster than the call.
    StoreAtOnce(usize, Option<u32>),
    /// The queue has no room for the write.
    Refuse(usize),
    /// One transaction has that many writes.
    Commit(usize),
    /// The writer answers the next write of the transaction.
    Answer,
    /// The next write fails alone.
    Fail,
    /// A call keeps the lock until its write is stored, or has failed.
    Keep(usize, Option<u32>, bool),
    /// Somebody else than a call writes.
    Reconfigure(usize, u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || 0..KEYS.len();
    let value = || proptest::option::of(0..1_000_000_u32);
    let step = prop_oneof![
        6 => key().prop_map(Step::Read),
        4 => (key(), value()).prop_map(|(key, value)| Step::Queue(key, value)),
        1 => (key(), value()).prop_map(|(key, value)| Step::StoreAtOnce(key, value)),
        1 => key().prop_map(Step::Refuse),
        2 => (1..4_usize).prop_map(Step::Commit),
        5 => Just(Step::Answer),
        1 => Just(Step::Fail),
        1 => (key(), value(), any::<bool>()).prop_map(|(key, value, ok)| Step::Keep(key, value, ok)),
        1 => (key(), 0..9_u32).prop_map(|(key, value)| Step::Reconfigure(key, value)),
    ];
    proptest::collection::vec(step, 0..80)
}

fn write(key: Key, value: Option<u32>) -> StateWrite {
    (key.into(), value.map(|value| value.to_string().into()))
}

impl Model {
    fn new(entries: usize) -> Self {
        let bytes = entries * 140;
        Self {
            all: StateCache::new(bytes, bytes),
            chain: Arc::default(),
            table: BTreeMap::new(),
            queued: VecDeque::new(),
            committed: VecDeque::new(),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Read(key) => self.read(KEYS[key]),
            Step::Queue(key, value) => self.queue(KEYS[key], value),
            Step::StoreAtOnce(key, value) => self.store_at_once(KEYS[key], value),
            Step::Refuse(key) => self.refuse(KEYS[key]),
            Step::Commit(writes) => self.commit(writes),
            Step::Answer => self.answer(),
            Step::Fail => self.fail(),
            Step::Keep(key, value, is_stored) => self.keep(KEYS[key], value, is_stored),
            Step::Reconfigure(key, value) => {
                self.settle();
                self.table.insert(KEYS[key], value);
                self.chain.forget_stored();
            }
        }
    }

    /// What a call reads that holds the lock now, as `state.get` does it.
    fn read(&mut self, key: Key) {
        let unstored = match self.chain.standing() {
            Standing::Stored => Arc::default(),
            Standing::Unstored(_, unstored) => unstored,
            Standing::Broken => {
                self.settle();
                Arc::default()
            }
        };
        let table: StoredValue = self.table.get(key).map(|value| value.to_string().into());
        let read = match unstored.get(key) {
            Some(queued) => queued.clone(),
            None => self.chain.stored(key).unwrap_or_else(|| {
                self.chain.keep_stored(&self.all, key, table.as_deref());
                table.clone()
            }),
        };
        let queued = self.queued.iter().rev().find(|(_, queued, _)| *queued == key);
        let expected = queued.map_or(table, |(_, _, value)| write(key, *value).1);
        assert_eq!(read, expected, "{key}");
    }

    fn begin(&mut self, key: Key, value: Option<u32>) -> Option<(Link, StateWrite)> {
        if matches!(self.chain.standing(), Standing::Broken) {
            self.settle();
        }
        let (link, write) = (self.chain.link().ok()?, write(key, value));
        self.chain.expect_writes([(&write.0, &write.1)].into_iter());
        Some((link, write))
    }

    fn queue(&mut self, key: Key, value: Option<u32>) {
        let Some((link, write)) = self.begin(key, value) else { return };
        self.queued.push_back((link, key, value));
        self.chain.show(vec![write]);
    }

    fn store_at_once(&mut self, key: Key, value: Option<u32>) {
        let Some((link, write)) = self.begin(key, value) else { return };
        self.queued.push_back((link, key, value));
        self.commit(usize::MAX);
        while !self.committed.is_empty() {
            self.answer();
        }
        self.chain.show(vec![write]);
    }

    fn refuse(&mut self, key: Key) {
        if let Some((link, _)) = self.begin(key, None) {
            link.retract();
        }
    }

    fn commit(&mut self, writes: usize) {
        while !self.committed.is_empty() {
            self.answer();
        }
        for _ in 0..writes {
            let Some((link, key, value)) = self.queued.pop_front() else { return };
            if link.require_sound().is_err() {
                link.end(Err("one before it"));
                continue;
            }
            self.store(key, value);
            self.committed.push_back(link);
        }
    }

    fn store(&mut self, key: Key, value: Option<u32>) {
        self.table.remove(key);
        self.table.extend(value.map(|value| (key, value)));
    }

    fn answer(&mut self) {
        if let Some(link) = self.committed.pop_front() {
            link.end(Ok(()));
        }
    }

    fn fail(&mut self) {
        if let Some((link, ..)) = self.queued.pop_front() {
            link.fail("its own");
            // Of the same transaction; these are well.
            self.commit(0);
            // No call sees what comes after it.
            let behind = std::mem::take(&mut self.queued);
            link.end(Err("its own"));
            behind.into_iter().for_each(|(link, ..)| link.end(Err("one before it")));
        }
    }

    fn keep(&mut self, key: Key, value: Option<u32>, is_stored: bool) {
        self.settle();
        let write = write(key, value);
        let expected = self.chain.expect_writes([(&write.0, &write.1)].into_iter());
        if is_stored {
            self.store(key, value);
            self.chain.note_stored(expected.iter().map(|(key, value)| (key, value)));
        }
    }

    /// As an exclusive holder that does not run ahead: everything ends, and a new chain begins after a failure.
    fn settle(&mut self) {
        self.commit(usize::MAX);
        self.commit(0);
        if matches!(self.chain.standing(), Standing::Broken) {
            self.chain = Arc::default();
        }
    }
}

proptest! {
    #[test]
    fn a_call_reads_what_it_would_read_without_the_cache(entries in 1..8_usize, steps in steps()) {
        let mut model = Model::new(entries);
        for step in steps {
            model.take(step);
            assert!(model.all.used() <= entries * 140);
            KEYS.into_iter().for_each(|key| model.read(key));
        }
    }
}

fn stored(chain: &Chain, key: &str) -> Option<String> {
    chain.stored(key).map(|value| value.as_deref().unwrap_or("not set").to_owned())
}

/// A chain of which the value "0" of `n` is known.
fn chain() -> Arc<Chain> {
    let chain = Arc::<Chain>::default();
    chain.keep_stored(&StateCache::new(10_000, 10_000), "n", Some("0"));
    assert_eq!(stored(&chain, "n").as_deref(), Some("0"));
    chain
}

/// As `queue`, with all that a call does.
fn begin(chain: &Arc<Chain>, value: &str) -> Link {
    let link = chain.link().unwrap();
    chain.expect_writes([(&"n".into(), &Some(value.into()))].into_iter());
    chain.show(vec![("n".into(), Some(value.into()))]);
    link
}

#[test]
fn a_write_is_known_once_it_and_all_behind_it_are_stored() {
    let chain = chain();
    let (one, two) = (begin(&chain, "1"), begin(&chain, "2"));
    assert_eq!(stored(&chain, "n"), None, "calls see it in the chain");
    one.end(Ok(()));
    assert_eq!(stored(&chain, "n"), None, "the second may be stored and not answered");
    two.end(Ok(()));
    assert_eq!(stored(&chain, "n").as_deref(), Some("2"));
}

#[test]
fn after_a_failed_write_nothing_is_known() {
    let chain = chain();
    chain.keep_stored(&StateCache::new(9, 9), "m", Some("untouched"));
    let (one, two) = (begin(&chain, "1"), begin(&chain, "2"));
    one.end(Ok(()));
    two.end(Err("no disk"));
    assert_eq!((stored(&chain, "n"), stored(&chain, "m")), (None, None));
}

#[test]
fn a_write_that_is_stored_before_it_is_shown_is_known() {
    let chain = chain();
    let link = chain.link().unwrap();
    let write: StateWrite = ("n".into(), Some("1".into()));
    chain.expect_writes([(&write.0, &write.1)].into_iter());
    link.end(Ok(()));
    assert_eq!(stored(&chain, "n"), None, "the chain never had it");
    chain.show(vec![write]);
    assert_eq!(stored(&chain, "n").as_deref(), Some("1"));
}

#[test]
fn a_write_that_is_stored_before_it_is_shown_is_not_mistaken_for_the_one_before_it() {
    let chain = chain();
    let (one, two) = (begin(&chain, "1"), chain.link().unwrap());
    let write: StateWrite = ("n".into(), Some("2".into()));
    chain.expect_writes([(&write.0, &write.1)].into_iter());
    one.end(Ok(()));
    two.end(Ok(()));
    assert_eq!(stored(&chain, "n"), None);
    chain.show(vec![write]);
    assert_eq!(stored(&chain, "n").as_deref(), Some("2"));
}

#[test]
fn a_write_that_was_not_queued_leaves_its_keys_to_the_table() {
    let chain = chain();
    let link = chain.link().unwrap();
    assert_eq!(
        chain.expect_writes([(&"n".into(), &None), (&"m".into(), &None)].into_iter()).len(),
        1
    );
    link.retract();
    assert_eq!(stored(&chain, "n"), None);
}

#[test]
fn what_ended_while_a_write_was_not_queued_is_seen_no_more_in_the_chain() {
    let chain = chain();
    let (one, two) = (begin(&chain, "1"), chain.link().unwrap());
    one.end(Ok(()));
    two.retract();
    assert_eq!(stored(&chain, "n").as_deref(), Some("1"));
    // A write that keeps the lock until it is stored, and then one of another key that does not.
    let kept: StateWrite = ("n".into(), Some("2".into()));
    chain.expect_writes([(&kept.0, &kept.1)].into_iter());
    chain.note_stored([(&kept.0, &kept.1)].into_iter());
    let three = chain.link().unwrap();
    chain.show(vec![("m".into(), Some("3".into()))]);
    let Standing::Unstored(_, unstored) = chain.standing() else { panic!("one is queued") };
    assert_eq!(unstored.keys().map(|key| &**key).collect::<Vec<_>>(), ["m"]);
    three.end(Ok(()));
    assert_eq!(stored(&chain, "n").as_deref(), Some("2"));
}
