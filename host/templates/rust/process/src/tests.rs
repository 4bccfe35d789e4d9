//! The plugin as a host calls it, without a host.

use moothall_sdk::WebhookRequest;
use moothall_sdk::serde_json::json;
use moothall_sdk::testing::{Host, ProcessStatus, webhook};

use crate::MyPlugin;

fn host() -> Host<MyPlugin> {
    Host::new(MyPlugin).config(json!({ "webhook_slug": "hard-to-guess" }))
}

fn ballot(account: &str, choice: &str) -> WebhookRequest {
    webhook(&json!({ "account": account, "choice": choice }))
}

#[test]
fn the_quorum_ends_a_vote_with_each_person_s_last_choice() {
    let mut host = host();
    let id = host
        .start("vote", json!({ "title": "Tea?", "quorum": 2 }))
        .expect("a vote");
    for (account, choice) in [("ann", "no"), ("ann", "yes"), ("eve", "perhaps")] {
        host.process_webhook(&id, ballot(account, choice))
            .expect("a ballot");
    }
    host.update(&id).expect("one of two");
    assert_eq!(
        host.process(&id).map(|vote| vote.status),
        Some(ProcessStatus::Pending)
    );

    host.process_webhook(&id, ballot("bob", "yes"))
        .expect("a ballot");
    host.update(&id).expect("two of two");
    let vote = host.process(&id).expect("it is kept");
    let outcome = json!({ "title": "Tea?", "votes": { "no": 0, "yes": 2 } });
    assert_eq!(
        (vote.status, &vote.outcome),
        (ProcessStatus::Completed, &outcome)
    );
}

#[test]
fn a_vote_can_be_closed_and_has_a_time_at_which_the_host_closes_it() {
    let mut host = host();
    let parameters = json!({ "title": "When?", "options": ["now"], "minutes": 5 });
    let id = host.start("vote", parameters).expect("a vote");
    assert!(
        host.process(&id)
            .is_some_and(|vote| vote.closing_at.is_some())
    );
    host.close(&id).expect("closed");
    let outcome = host.process(&id).map(|vote| vote.outcome.clone());
    assert_eq!(
        outcome,
        Some(json!({ "title": "When?", "votes": { "now": 0 } }))
    );
}

#[test]
fn a_vote_needs_an_option() {
    assert!(
        host()
            .start("vote", json!({ "title": "Tea?", "options": [] }))
            .is_err()
    );
}
