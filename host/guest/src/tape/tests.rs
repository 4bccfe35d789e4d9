//! What a tape notes within its bound, and what it answers.

use serde_json::json;

use super::*;
use crate::exports::ProducerTick;
use crate::memory::{MemoryGauge, PluginMemory};
use moothall_core::config::Limits;
use moothall_core::ids::PluginName;
use moothall_values::recording::{Noted, RecordedFailure, Returned};

fn reservation() -> MemoryReservation {
    let gauge = Arc::new(MemoryGauge::new(&Limits::default()));
    let memory = PluginMemory::new(PluginName::parse("probe").unwrap(), gauge);
    MemoryReservation::of_call(&Arc::new(memory))
}

fn recording_tape(bytes: usize) -> Tape {
    Tape::recording(&ProducerTick.into(), bytes, reservation())
}

fn recording() -> Recording {
    let text = json!({
        "format": 1,
        "call": { "id": "call_1", "request_id": "r", "plugin": "probe", "version": "1", "digest": "", "name": "tick",
            "started_at": "" },
        "context": { "community": "", "community_name": "", "instance": 1, "community_platform_id": null, "origin": "",
            "config": "{}", "settings": "{}" },
        "limits": { "cpu_ms": 1, "wall_ms": 1, "memory_bytes": 1, "result_bytes": 1 },
        "input": null,
        "imports": [],
        "readings": { "wall_ns": [5], "monotonic_ns": [7, 8], "random": "", "insecure": "", "seed": "1" },
        "returned": { "output": null },
        "failure": null,
        "cpu_us": 0,
        "not_replayable": null
    });
    Recording::parse(&text.to_string()).unwrap()
}

/// A call that failed so while `state.get("k")` was not answered.
fn ended_by(code: &str, detail: &str) -> Recording {
    let failure = RecordedFailure { code: code.to_owned(), detail: detail.to_owned() };
    let noted = Noted { import: "state.get".into(), arguments: vec![json!("k")], answer: None };
    let returned = Returned::Fault(failure.clone());
    Recording { imports: vec![noted], returned, failure: Some(failure), ..recording() }
}

fn get(tape: &Tape) -> Turn {
    tape.enter("state.get", || vec![json!("k")])
}

fn place(turn: Turn) -> Option<usize> {
    match turn {
        Turn::Host(place) => place,
        Turn::Tape(given) => panic!("a tape that records gave {given:?}"),
    }
}

#[test]
fn a_tape_that_is_full_copies_nothing() {
    let tape = recording_tape(500);
    let first = place(get(&tape));
    assert!(place(tape.enter("state.set", || vec![json!("x".repeat(500))])).is_none());
    assert!(place(tape.enter("state.set", || panic!("it is full"))).is_none());
    tape.note(first, || panic!("it is full"));
    let mut kept = recording();
    tape.take_recorded().unwrap().write_into(&mut kept, &[]);
    assert_eq!(kept.imports.len(), 1);
    assert!(kept.not_replayable.unwrap().contains("it was cut"));
}

#[test]
fn values_without_text_fill_a_tape_too() {
    let tape = recording_tape(10_000);
    let noted = place(get(&tape));
    tape.note(noted, || json!({ "ok": vec![""; 1_000] }));
    let mut kept = recording();
    tape.take_recorded().unwrap().write_into(&mut kept, &[]);
    assert_eq!(kept.imports[0].answer, None, "a thousand texts of no bytes are more than 10,000");
}

#[test]
fn memory_is_counted_until_the_recording_is_dropped() {
    let tape = recording_tape(10_000);
    get(&tape);
    let counted = tape.take_recorded().unwrap().write_into(&mut recording(), &[]);
    assert!(counted.bytes() > 32, "{counted:?}");
}

#[test]
fn a_recording_with_too_many_secrets_has_no_content() {
    let tape = recording_tape(100_000);
    let noted = place(get(&tape));
    tape.note(noted, || json!({ "ok": "1" }));
    let secrets: Vec<_> = (0..200).map(|number| format!("secret {number}").into()).collect();
    let mut kept = ended_by("internal", "the host failed: secret 7");
    tape.take_recorded().unwrap().write_into(&mut kept, &secrets);
    assert!(kept.input.is_none() && kept.imports.is_empty(), "{kept:?}");
    assert!(!format!("{kept:?}").contains("secret 7"), "{kept:?}");
    assert!(kept.not_replayable.unwrap().contains("its content is not kept"));
}

#[test]
fn where_the_recorded_call_ended_its_repetition_ends_the_same_way() {
    for (code, detail) in [
        ("store_unavailable", "the store is not available: the disk is gone"),
        ("internal", "the host failed: a bug"),
        ("plugin_limit", "the plugin exceeded its limit of x"),
        ("plugin_timeout", "the plugin used up its time of 10 ms"),
        ("plugin_trap", "the plugin trapped: x"),
    ] {
        let tape = Tape::replaying(Arc::new(ended_by(code, detail)));
        assert!(matches!(get(&tape), Turn::Tape(Given::Ended(_))));
        let end = tape.take_end().expect("it ends, whatever the guest makes of it");
        assert_eq!((end.code(), end.to_string().as_str()), (code, detail));
    }
}

#[test]
fn an_answer_for_which_the_recorded_call_did_not_wait_ends_nothing() {
    let recording = Recording { returned: Returned::Output(json!("1")), ..ended_by("", "") };
    let tape = Tape::replaying(Arc::new(Recording { failure: None, ..recording }));
    assert!(matches!(get(&tape), Turn::Tape(Given::Unanswered)));
    assert!(tape.take_end().is_none());
}

#[test]
fn clocks_that_are_read_beyond_the_recording_are_a_difference() {
    let read = |recording: Recording, times: usize| {
        let mut replayer = Replayer::new(Arc::new(recording));
        (0..times).for_each(|_| _ = replayer.wall());
        replayer.random(&mut vec![0; times - 1], true);
        replayer.take().beyond
    };
    assert_eq!(read(recording(), 1), []);
    let [wall, random] = &read(recording(), 3)[..] else { panic!("two differences") };
    let shown = "readings of the wall clock\n    recorded: 1\n    now:      3";
    assert_eq!(wall.to_string(), shown);
    assert_eq!((random.at.as_str(), random.now.as_deref()), ("random bytes", Some("2")));
    assert_eq!(read(ended_by("plugin_timeout", ""), 3), [], "how far it came says nothing");
}

#[test]
fn what_is_missing_is_told_once() {
    let tape = Tape::replaying(Arc::new(recording()));
    tape.cannot_be_replayed("it used TCP connections");
    tape.cannot_be_replayed("it used TCP connections");
    assert_eq!(tape.take_replayed().unwrap().missing, ["it used TCP connections"]);
}
