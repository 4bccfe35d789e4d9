//! The tutorial of Metagov's gateway: its commands work as they are printed there.

use moothall_tests::{Answer, TestHost, curl};
use serde_json::json;

const ENABLE: &str = r#"curl -X PUT 'http://127.0.0.1:8000/api/internal/community/my-community-1234' \
    -H 'Content-Type: application/json' \
    --data-raw '{ "name": "my-community-1234", "readable_name": "", "plugins": [ { "name": "tutorial", "config": { "api_key": "ABC123", "foo": "baz" } } ] }'"#;

const TIMES_TWO: &str = r#"curl -X POST 'http://127.0.0.1:8000/api/internal/action/tutorial.times-two' \
    -H 'Content-Type: application/json' \
    -H 'X-Metagov-Community: my-community-1234' \
    --data-raw '{ "parameters": { "value": 5 } }'"#;

const DISABLE: &str = r#"curl -X PUT 'http://127.0.0.1:8000/api/internal/community/my-community-1234' \
    -H 'Content-Type: application/json' \
    --data-raw '{ "name": "my-community-1234", "readable_name": "", "plugins": [] }'"#;

const HOOKS: &str = "curl 'http://127.0.0.1:8000/api/internal/community/my-community-1234/hooks'";

async fn send(host: &TestHost, command: &str) -> Answer {
    let response = curl::parse(command).to(host).send().await.expect("the host answers");
    Answer::read(response).await.expect("the answer arrives whole")
}

#[tokio::test]
async fn the_seed_s_commands_enable_call_and_disable_the_tutorial() {
    let host = TestHost::with(&["tutorial"]).start().await;

    let community = send(&host, ENABLE).await.expect(201);
    let id = community["plugins"][0]["id"].clone();
    assert!(id.is_number());
    let instance = json!({
        "id": id,
        "name": "tutorial",
        "config": { "api_key": "********", "foo": "baz" },
        "community": "my-community-1234",
        "community_platform_id": null,
        "auth_type": "api_key",
    });
    let expected = json!({
        "slug": "my-community-1234",
        "name": "my-community-1234",
        "readable_name": "",
        "plugins": [instance],
    });
    assert_eq!(community, expected);

    assert_eq!(send(&host, TIMES_TWO).await.expect(200), json!({ "result": 10 }));
    let hooks = json!({ "hooks": ["/api/hooks/my-community-1234/tutorial"] });
    assert_eq!(send(&host, HOOKS).await.expect(200), hooks);

    let community = send(&host, DISABLE).await.expect(200);
    assert_eq!(community["plugins"], json!([]));
    let refused = send(&host, TIMES_TWO).await.problem(400, "plugin_not_enabled");
    assert_eq!(refused, "Plugin 'tutorial' not enabled for community 'my-community-1234'");
}

#[tokio::test]
async fn enabling_again_as_the_seed_does_answers_the_same_community() {
    let host = TestHost::with(&["tutorial"]).start().await;
    let created = send(&host, ENABLE).await.expect(201);
    assert_eq!(send(&host, ENABLE).await.expect(200), created);
}
