//! The plugin as a host calls it, without a host.

use moothall_sdk::serde_json::json;
use moothall_sdk::testing::Host;

use crate::MyPlugin;

#[test]
fn people_are_greeted_and_counted() {
    let mut host = Host::new(MyPlugin).config(json!({ "greeting": "Ahoy" }));
    let ann = json!({ "text": "Ahoy, Ann!", "greeted": 1 });
    assert_eq!(host.action("greet", json!({ "name": "Ann" })), Ok(ann));
    let bob = json!({ "text": "Ahoy, Bob!", "greeted": 2 });
    assert_eq!(host.action("greet", json!({ "name": "Bob" })), Ok(bob));
}

#[test]
fn without_a_configuration_the_greeting_is_hello() {
    let mut host = Host::new(MyPlugin);
    let greeting = host
        .action("greet", json!({ "name": "Ann" }))
        .expect("a greeting");
    assert_eq!(greeting["text"], "Hello, Ann!");
}

#[test]
fn nobody_is_greeted_without_a_name() {
    let mut host = Host::new(MyPlugin);
    assert!(host.action("greet", json!({})).is_err());
    assert_eq!(host.state("greeted"), None);
}
