//! The plugin as a host calls it.

use moothall_sdk::ErrorKind;
use moothall_sdk::serde_json::{Value, json};
use moothall_sdk::testing::Host;

use crate::RevShare;

fn act(host: &mut Host<RevShare>, slug: &str, parameters: Value) -> Value {
    host.action(slug, parameters).expect("done")
}

#[test]
fn pointers_are_added_changed_picked_and_removed() {
    let mut host = Host::new(RevShare);
    let added = act(&mut host, "add-pointer", json!({ "pointer": "$ann", "weight": 1 }));
    assert_eq!(added, json!({ "$ann": 1 }));
    act(&mut host, "add-pointer", json!({ "pointer": "$ann", "weight": 3 }));
    assert_eq!(act(&mut host, "pick-pointer", json!({})), json!({ "pointer": "$ann" }));
    assert_eq!(act(&mut host, "get-config", json!({})), json!({ "$ann": 3 }));
    let left = act(&mut host, "remove-pointer", json!({ "pointer": "$ann" }));
    assert_eq!(left, json!({}));
    let none = host.action("pick-pointer", json!({})).expect_err("no pointers");
    assert_eq!(
        (none.kind(), none.message()),
        (&ErrorKind::NotFound, "No pointers for key _DEFAULT")
    );
}

#[test]
fn groups_have_pointers_of_their_own_and_are_replaced_as_a_whole() {
    let mut host = Host::new(RevShare);
    act(&mut host, "add-pointer", json!({ "pointer": "$ann", "weight": 1, "key": "GROUP_1" }));
    let replaced = json!({ "pointers": { "$bob": 2, "$eve": 0 }, "key": "GROUP_2" });
    assert_eq!(act(&mut host, "replace-config", replaced), json!({ "$bob": 2, "$eve": 0 }));
    let picked = act(&mut host, "pick-pointer", json!({ "key": "GROUP_2" }));
    assert_eq!(picked, json!({ "pointer": "$bob" }));
    assert_eq!(act(&mut host, "get-config", json!({ "key": "GROUP_1" })), json!({ "$ann": 1 }));
    assert_eq!(act(&mut host, "get-config", json!({})), json!({}));
}

#[test]
fn what_is_no_weight_or_no_parameter_is_refused() {
    let mut host = Host::new(RevShare);
    for parameters in [
        json!({ "pointer": "$ann" }),
        json!({ "pointer": "$ann", "weight": -1 }),
        json!({ "pointer": "$ann", "weight": 0.5 }),
        json!({ "pointer": "$ann", "weight": 1, "wieght": 2 }),
    ] {
        let refused = host.action("add-pointer", parameters).expect_err("it does not fit");
        assert_eq!(refused.kind(), &ErrorKind::Invalid);
    }
}
