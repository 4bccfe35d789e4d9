//! The plugin as a host calls it, with a file as SourceCred writes it.

use moothall_sdk::ErrorKind;
use moothall_sdk::serde_json::{Value, json};
use moothall_sdk::testing::{Answer, Host};

use crate::SourceCred;

const FILE: &str = "https://cred.example/club/output/accounts.json";

fn host() -> Host<SourceCred> {
    Host::new(SourceCred).config(json!({ "server_url": "https://cred.example/club/" }))
}

fn account(name: &str, aliases: Value, cred: f64) -> Value {
    let identity = json!({ "id": "YVZhbGlkVXVpZEF0TGFzdA", "name": name, "subtype": "USER",
        "address": "N\0sourcecred\0core\0IDENTITY\0YVZhbGlkVXVpZEF0TGFzdA\0", "aliases": aliases });
    let account = json!({ "identity": identity, "balance": "0", "paid": "0", "active": true });
    json!({ "account": account, "cred": [1.5, cred - 1.5], "totalCred": cred })
}

fn file() -> Answer {
    let discord = json!([{ "address": "N\0sourcecred\0discord\0MEMBER\0user\07\0", "description": "discord/@ann" }]);
    let accounts = json!([account("ann", discord, 12.5), account("bob", json!([]), 3.0)]);
    Answer::ok()
        .json(&json!({ "accounts": accounts, "intervals": [{ "startTimeMs": 1, "endTimeMs": 2 }], "unclaimedAliases": [] }))
}

fn answered(answer: Answer, slug: &str, parameters: Value) -> Result<Value, moothall_sdk::Error> {
    host().answer("GET", FILE, answer).action(slug, parameters)
}

#[test]
fn a_person_is_found_by_name_or_by_the_id_of_an_account() {
    for parameters in [json!({ "username": "ann" }), json!({ "id": "7" })] {
        assert_eq!(answered(file(), "user-cred", parameters), Ok(json!({ "value": 12.5 })));
    }
    let nobody = answered(file(), "user-cred", json!({ "id": "8" })).expect_err("nobody");
    assert_eq!(nobody, moothall_sdk::Error::not_found("8 not found in sourcecred instance"));
}

#[test]
fn whose_cred_has_to_be_said_before_anything_is_fetched() {
    let error = host().action("user-cred", json!({})).expect_err("nobody is named");
    assert_eq!(error.kind(), &ErrorKind::Invalid);
}

#[test]
fn the_cred_of_all_is_their_sum() {
    assert_eq!(answered(file(), "total-cred", json!({})), Ok(json!({ "value": 15.5 })));
    let none = Answer::ok().json(&json!({ "accounts": [] }));
    assert_eq!(answered(none, "total-cred", json!({})), Ok(json!({ "value": 0.0 })));
}

#[test]
fn an_instance_without_the_file_says_how_to_make_it() {
    let error = answered(Answer::status(404), "total-cred", json!({})).expect_err("no file");
    assert!(error.message().contains("yarn sourcecred analysis"), "{error}");
    let error = answered(Answer::status(503), "total-cred", json!({})).expect_err("it is down");
    assert!(error.is_retryable());
    let page = Answer::ok().body("<html>");
    assert!(answered(page, "total-cred", json!({})).is_err());
}
