//! What is counted until a recording is stored, when a write takes no more of them, and what is kept without secrets.

use secrecy::SecretString;

use super::super::known_secrets::KnownSecrets;
use super::*;
use moothall_core::clock::Moment;
use moothall_core::config::Config;
use moothall_core::fair_share::FairShare;
use moothall_core::ids::PluginName;
use moothall_guest::exports::ProducerTick;
use moothall_guest::{Quotas, Tape};
use moothall_store::RecordedRow;
use moothall_values::recording::Recording;

fn row() -> RecordedRow {
    RecordedRow {
        position: 0,
        id: "call_1".into(),
        request_id: "r".into(),
        instance: 1,
        community: "acme".into(),
        plugin: "probe".into(),
        version: "1".into(),
        digest: String::new(),
        origin: "producer".into(),
        name: "tick".into(),
        code: None,
        not_replayable: None,
        started_at: Moment(0),
    }
}

/// A recording whose config has this text.
fn queued(quotas: &Quotas, share: &FairShare, text: &str) -> QueuedRecording {
    let plugin = PluginName::parse("probe").unwrap();
    let reservation = MemoryReservation::of_call(&quotas.of(&plugin).memory);
    let tape = Tape::recording(&ProducerTick.into(), 1 << 20, reservation);
    drop(tape.enter("state.keys", || vec!["x".repeat(1_000).into()]));
    let recording = serde_json::json!({
        "format": 1,
        "call": { "id": "call_1", "request_id": "r", "plugin": "probe", "version": "1", "digest": "",
            "name": "tick", "started_at": "" },
        "context": { "community": "", "community_name": "", "instance": 1, "community_platform_id": null,
            "origin": "", "config": text, "settings": "{}" },
        "limits": { "cpu_ms": 1, "wall_ms": 1, "memory_bytes": 1, "result_bytes": 1 },
        "input": null,
        "imports": [],
        "readings": { "wall_ns": [], "monotonic_ns": [], "random": "", "insecure": "", "seed": "1" },
        "returned": { "output": null },
        "failure": null,
        "cpu_us": 0,
        "not_replayable": null
    });
    QueuedRecording {
        row: row(),
        recording: Recording::parse(&recording.to_string()).unwrap(),
        recorded: tape.take_recorded().unwrap(),
        secrets: KnownSecrets::of_settings([SecretString::from("of the settings")]),
        permit: share.take(&plugin).unwrap(),
    }
}

fn written(text: &str, sealed: Result<Vec<SecretRow>, String>) -> NewRecording {
    let (quotas, share) = (Quotas::new(&Config::default()), FairShare::of(64));
    let keyring = Keyring::from_bytes([7; 32]);
    queued(&quotas, &share, text).written(sealed, &keyring).unwrap().new
}

#[test]
fn a_recording_whose_secrets_cannot_be_read_is_kept_without_content() {
    let kept = written("of the settings, and more", Ok(Vec::new()));
    assert!(kept.content.contains("__secret_1__, and more"), "{}", kept.content);
    let kept = written("of the settings, and more", Err("no secrets".into()));
    assert!(!kept.content.contains("and more"), "{}", kept.content);
    assert_eq!(kept.row.not_replayable.as_deref(), Some("no secrets"));
}

#[test]
fn a_recording_counts_as_guests_memory_until_it_is_stored() {
    let (quotas, share) = (Quotas::new(&Config::default()), FairShare::of(64));
    let mut batch = RecordingBatch::default();
    let keyring = Keyring::from_bytes([7; 32]);
    batch.add(queued(&quotas, &share, "").written(Ok(Vec::new()), &keyring).unwrap());
    assert!(quotas.memory.used() > 1_000);
    drop(batch);
    assert_eq!(quotas.memory.used(), 0);
}

#[test]
fn a_write_ends_with_its_bytes_or_their_number() {
    let (quotas, share) = (Quotas::new(&Config::default()), FairShare::of(64));
    let keyring = Keyring::from_bytes([7; 32]);
    let fill = |text: &str| {
        let mut batch = RecordingBatch::default();
        while !batch.is_full() {
            batch.add(queued(&quotas, &share, text).written(Ok(Vec::new()), &keyring).unwrap());
        }
        batch.rows.len()
    };
    assert_eq!(fill(""), BATCH);
    assert_eq!(fill(&"x".repeat(400 << 10)), 3, "more than a megabyte");
}
