//! What a cache knows, what it may hold, and whose room is taken where there is none.

use super::*;

/// Room for this many entries with a key and a value of one byte each.
fn room(entries: usize) -> usize {
    entries * (ENTRY_BYTES + 2)
}

fn text(value: &str) -> StoredValue {
    Some(value.into())
}

const ONE: Option<&str> = Some("1");

fn cache(all: &Arc<StateCache>) -> Arc<InstanceCache> {
    all.of_instance().unwrap()
}

fn known(cache: &InstanceCache, key: &str) -> Option<String> {
    cache.get(key).map(|value| value.as_deref().unwrap_or("not set").to_owned())
}

/// Which of `a` to `e` are known.
fn keys(cache: &InstanceCache) -> String {
    ["a", "b", "c", "d", "e"].into_iter().filter(|key| cache.get(key).is_some()).collect()
}

#[test]
fn what_was_read_is_known_also_that_a_key_is_not_set() {
    let all = StateCache::new(1_000, 1_000);
    let one = cache(&all);
    assert_eq!(known(&one, "a"), None);
    one.keep("a", ONE);
    one.keep("b", None);
    assert_eq!(known(&one, "a").as_deref(), Some("1"));
    assert_eq!(known(&one, "b").as_deref(), Some("not set"));
    assert_eq!(all.used(), room(2) - 1);
    one.clear();
    assert_eq!((keys(&one).as_str(), all.used()), ("", 0));
}

#[test]
fn without_room_there_is_no_cache() {
    assert!(StateCache::new(0, 1_000).of_instance().is_none());
}

#[test]
fn a_key_that_is_being_written_is_not_known_until_that_is_stored() {
    let all = StateCache::new(1_000, 1_000);
    let one = cache(&all);
    one.keep("a", ONE);
    assert!(one.expect_change("a") && !one.expect_change("b"));
    assert_eq!(known(&one, "a"), None);
    one.change("a", &text("22"));
    one.change("b", &text("nobody has read it"));
    assert_eq!(known(&one, "a").as_deref(), Some("22"));
    assert_eq!(known(&one, "b"), None);
    assert_eq!(all.used(), room(1) + 1);
    // A write that failed: the next call reads what is stored.
    assert!(one.expect_change("a"));
    assert_eq!(known(&one, "a"), None);
    one.keep("a", Some("22"));
    assert_eq!((known(&one, "a").as_deref(), all.used()), (Some("22"), room(1) + 1));
    one.expect_change("a");
    one.change("a", &None);
    assert_eq!((known(&one, "a").as_deref(), all.used()), (Some("not set"), room(1) - 1));
}

#[test]
fn an_instance_that_has_its_part_forgets_what_it_read_longest_ago() {
    let all = StateCache::new(10_000, room(3));
    let one = cache(&all);
    for key in ["a", "b", "c"] {
        one.keep(key, ONE);
    }
    assert!(one.get("a").is_some());
    one.keep("d", ONE);
    assert_eq!((keys(&one).as_str(), all.used()), ("acd", room(3)));
    one.keep("e", Some(&"x".repeat(room(3))));
    assert_eq!(keys(&one), "acd", "one that is too large for it is left out");
    // A value that has grown takes the place of others, or its own.
    one.change("d", &text(&"x".repeat(1 + room(1))));
    assert_eq!((keys(&one).as_str(), all.used()), ("cd", room(3)));
    one.change("c", &text(&"x".repeat(room(3))));
    assert_eq!((keys(&one).as_str(), all.used()), ("d", room(2)));
}

#[test]
fn where_all_have_no_room_a_cache_is_emptied_that_was_not_used_since_the_last_look() {
    let all = StateCache::new(room(4), room(2));
    let [one, two, three] = [cache(&all), cache(&all), cache(&all)];
    for used in [&one, &two] {
        used.keep("a", ONE);
        used.keep("b", ONE);
    }
    three.keep("a", ONE);
    assert_eq!(keys(&three), "", "the first look finds all in use");
    assert!(two.get("a").is_some());
    three.keep("a", ONE);
    assert_eq!((keys(&one), keys(&two), keys(&three)), ("".into(), "ab".into(), "a".into()));
    assert_eq!(all.used(), room(3));
}

#[test]
fn an_instance_cannot_take_the_room_of_others_that_are_used() {
    let all = StateCache::new(room(8), room(2));
    let (used, greedy) = (cache(&all), cache(&all));
    used.keep("a", ONE);
    let idle: Vec<_> = (0..3).map(|_| cache(&all)).collect();
    for one in &idle {
        one.keep("a", ONE);
        one.keep("b", ONE);
    }
    for round in 0..1_000 {
        greedy.keep(&format!("{}", round % 10), ONE);
        assert!(used.get("a").is_some(), "round {round}");
        assert!(all.used() <= room(8), "round {round}");
    }
}

#[test]
fn a_write_takes_no_room_of_others() {
    let all = StateCache::new(room(2), room(2));
    let (one, two) = (cache(&all), cache(&all));
    one.keep("a", ONE);
    two.keep("a", ONE);
    one.expect_change("a");
    one.change("a", &text("123"));
    assert_eq!(known(&one, "a"), None, "the next read looks for room");
    assert_eq!((known(&two, "a").as_deref(), all.used()), (Some("1"), room(1)));
}

#[test]
fn what_is_gone_gives_its_room_back_and_is_forgotten() {
    let all = StateCache::new(1 << 20, 1_000);
    for _ in 0..10 * GONE {
        cache(&all).keep("a", ONE);
    }
    assert_eq!(all.used(), 0);
    assert!(all.filled.lock().unwrap().queue.len() <= 2 * GONE);
}

#[test]
fn many_threads_that_read_and_write_keep_the_bound_and_the_count() {
    let all = StateCache::new(room(50), room(20));
    let caches: Vec<_> = (0..8).map(|_| cache(&all)).collect();
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            let (caches, all) = (&caches, &all);
            scope.spawn(move || {
                for round in 0..5_000_usize {
                    let one = &caches[(round * 7 + thread) % caches.len()];
                    let key = format!("{}", round % 30);
                    match round % 5 {
                        0 => {
                            one.expect_change(&key);
                        }
                        1 => one.change(&key, &text(&"x".repeat(round % 100))),
                        2 if round % 500 == 2 => one.clear(),
                        _ => one.keep(&key, ONE),
                    }
                    // Each thread may have reserved what it is about to give back.
                    assert!(all.used() <= room(50) + 4 * room(2) + 400, "{}", all.used());
                }
            });
        }
    });
    let held: usize = caches.iter().map(|one| one.values().bytes).sum();
    assert_eq!(all.used(), held);
    drop(caches);
    assert_eq!(all.used(), 0);
}
