//! The plugin as the host calls it, without a host.

use moothall_sdk::serde_json::{Value, from_slice, json};
use moothall_sdk::testing::{Answer, Host, webhook};

use crate::OpenCollective;

const API: &str = "https://api.opencollective.com/graphql/v2";

fn host() -> Host<OpenCollective> {
    Host::new(OpenCollective).config(json!({ "access_token": "t-1", "collective_slug": "makers" }))
}

/// Answers the next query.
fn answers(host: &mut Host<OpenCollective>, data: &Value) {
    host.script("POST", API, Answer::ok().json(&json!({ "data": data })));
}

fn variables(host: &Host<OpenCollective>, at: usize) -> Value {
    let asked: Value = from_slice(&host.sent()[at].body).expect("JSON");
    asked["variables"].clone()
}

#[test]
fn the_token_is_in_the_header_and_nowhere_else() {
    let mut host = host();
    answers(&mut host, &json!({ "createComment": { "id": "c" } }));
    let comment = json!({ "raw": "Hello", "conversation_id": "conv" });
    assert_eq!(host.action("create-comment", comment), Ok(json!({ "id": "c" })));
    let [sent] = host.sent() else { panic!("{:?}", host.sent()) };
    assert_eq!(sent.header("authorization"), Some("Bearer t-1"));
    assert!(!String::from_utf8_lossy(&sent.body).contains("t-1"));
    let comment = json!({ "html": "Hello", "conversation": { "id": "conv" } });
    assert_eq!(variables(&host, 0), json!({ "comment": comment }));
}

#[test]
fn an_expense_is_told_as_it_was_asked_for() {
    let mut host = host();
    let activity = json!({ "id": "act", "type": "COLLECTIVE_EXPENSE_PAID", "createdAt": "2026-01-02", "individual": { "slug": "bob" } });
    let expense = json!({
        "legacyId": 7, "account": { "slug": "garden", "parent": { "slug": "makers" } }, "activities": [activity]
    });
    answers(&mut host, &json!({ "expense": expense }));
    let body = json!({ "type": "collective.expense.paid", "createdAt": "2026-01-02", "data": { "expense": { "id": 7, "amount": 1 } } });
    host.webhook(webhook(&body)).expect("it is taken");
    let [event] = host.events() else { panic!("{:?}", host.events()) };
    assert_eq!(event.event_type, "expense_paid");
    assert_eq!(event.data["url"], "https://opencollective.com/makers/garden/expenses/7");
    assert_eq!(event.data["amount"], Value::Null, "of the webhook nothing is told");
    assert_eq!(variables(&host, 0), json!({ "reference": { "legacyId": 7 } }));
}

#[test]
fn an_answer_of_another_form_is_an_error_and_no_outcome() {
    let mut host = host();
    let made = json!({ "id": "conv", "slug": "tea" });
    answers(&mut host, &json!({ "createConversation": made }));
    let id = host.start("vote", json!({ "title": "Tea?" })).expect("a vote");
    let outcome = host.process(&id).map(|one| one.outcome.clone());
    for answer in [json!([]), json!({ "errors": [{ "message": "no" }] }), json!({ "data": null })] {
        host.script("POST", API, Answer::ok().json(&answer));
        assert!(host.update(&id).is_err(), "{answer}");
    }
    assert_eq!(host.process(&id).map(|one| one.outcome.clone()), outcome);
}
