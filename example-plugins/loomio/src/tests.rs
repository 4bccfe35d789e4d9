//! The plugin as the host calls it, without a host.

use moothall_sdk::serde_json::{Value, json};
use moothall_sdk::testing::{Answer, Host, ProcessStatus, webhook};

use crate::Loomio;

const B2: &str = "https://www.loomio.com/api/b2";

fn host() -> Host<Loomio> {
    Host::new(Loomio).config(json!({ "api_key": "k-1", "subgroup_api_keys": ["k-2"] }))
}

/// Answers the next question for the groups of a key.
fn lists_groups(host: &mut Host<Loomio>) {
    let groups = json!([
        { "id": 2, "key": "sub", "handle": "makers-board", "parent_id": 1 },
        { "id": 1, "key": "top", "handle": "makers", "parent_id": null }
    ]);
    let groups = json!({ "groups": groups });
    host.script("GET", &format!("{B2}/groups"), Answer::ok().json(&groups));
}

fn poll(closed_at: Value, results: Value) -> Value {
    json!({
        "polls": [{
            "key": "pOlL", "poll_type": "proposal", "closing_at": "2100-01-01T00:00:00.000Z",
            "closed_at": closed_at, "discarded_at": null, "voters_count": 2,
            "undecided_voters_count": 1, "cast_stances_pct": 50, "results": results
        }],
        "poll_options": [
            { "id": 11, "name": "Dagegen", "priority": 1 },
            { "id": 10, "name": "Dafür", "priority": 0 }
        ]
    })
}

fn shows_poll(host: &mut Host<Loomio>, poll: &Value) {
    lists_groups(host);
    host.script("GET", &format!("{B2}/polls/pOlL"), Answer::ok().json(poll));
}

/// A poll that has begun; returns the process's id.
fn begun(host: &mut Host<Loomio>) -> String {
    lists_groups(host);
    let created = Answer::ok().json(&poll(Value::Null, json!([])));
    host.script("POST", &format!("{B2}/polls"), created);
    let parameters =
        json!({ "title": "Tea?", "poll_type": "proposal", "options": ["agree", "disagree"] });
    host.start("poll", parameters).expect("a poll")
}

#[test]
fn the_key_is_in_a_body_or_a_header_and_nowhere_else() {
    let mut host = host();
    begun(&mut host);
    let [groups, created] = host.sent() else { panic!("{:?}", host.sent()) };
    assert_eq!(groups.header("authorization"), Some("Bearer k-1"));
    assert_eq!(created.header("authorization"), None);
    let body: Value = moothall_sdk::serde_json::from_slice(&created.body).expect("JSON");
    assert_eq!((&body["api_key"], &body["poll"]["group_id"]), (&json!("k-1"), &json!(1)));
    let members = body["poll"].as_object().expect("an object");
    assert!(members.values().all(|value| !value.is_null()), "{body}");
    assert!(
        !members.contains_key("subgroup") && !members.contains_key("eligible_voters"),
        "{body}"
    );
}

#[test]
fn votes_have_the_driver_s_options_and_who_cast_them() {
    let mut host = host();
    let id = begun(&mut host);
    let results = json!([
        { "id": 10, "score": 1, "voter_scores": { "879750": 1 } },
        { "id": 11, "score": 0, "voter_scores": {} },
        { "id": -1, "score": 0, "voter_scores": {}, "name": "undecided" }
    ]);
    shows_poll(&mut host, &poll(Value::Null, results.clone()));
    host.process_webhook(&id, webhook(&json!({ "text": "a vote in /p/pOlL" }))).expect("counted");
    host.process_webhook(&id, webhook(&json!({ "text": "another poll" }))).expect("not asked");
    let votes = json!({
        "agree": { "count": 1, "users": ["879750"] }, "disagree": { "count": 0, "users": [] }
    });
    assert_eq!(host.process(&id).map(|one| &one.outcome["votes"]), Some(&votes));
    shows_poll(&mut host, &poll(json!("2026-01-31T12:00:00.000Z"), results));
    host.update(&id).expect("closed on Loomio");
    let process = host.process(&id).expect("it is kept");
    assert_eq!(
        (process.status, &process.outcome["cast_stances_pct"]),
        (ProcessStatus::Completed, &json!(50.0))
    );
    host.assert_answers_used();
}

#[test]
fn what_loomio_says_in_other_words_is_an_error_and_no_outcome() {
    let mut host = host();
    let id = begun(&mut host);
    for answer in [
        json!([]),
        json!({}),
        json!({ "polls": [], "poll_options": [] }),
        json!({ "errors": ["no"] }),
    ] {
        shows_poll(&mut host, &answer);
        assert!(host.update(&id).is_err(), "{answer}");
    }
    assert_eq!(host.process(&id).map(|one| one.status), Some(ProcessStatus::Pending));
}
