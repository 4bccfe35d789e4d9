//! A plugin and its platform: requests with a secret, webhooks, polling, and what goes wrong.

use std::time::Duration;

use moothall_tests::{Receiver, Reply, until};
use serde_json::json;

use super::{base, events, granted, host, plugins, result};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_granted_request_carries_the_secret_that_the_plugin_never_sees() {
    for plugin in plugins() {
        let platform = Receiver::start().await;
        let host = granted(plugin, &platform).await;
        let days = json!({ "days": [{ "sky": "blue" }] });
        platform.script([Reply::Body(200, days.to_string())]);
        let sky = result(&host, plugin, "forecast", json!({ "city": "Bad Tölz" })).await;
        assert_eq!(sky, json!({ "sky": "blue" }), "{plugin}");
        let asked = platform.received().pop().expect("a request");
        assert_eq!(asked.path, "/forecast?city=Bad+T%C3%B6lz", "{plugin}");
        assert_eq!(asked.header("authorization"), "Bearer s3cret", "{plugin}");
    }
}

#[tokio::test]
async fn an_ungranted_request_is_denied_with_the_hosts_message() {
    for plugin in plugins() {
        let platform = Receiver::start().await;
        let host = host(plugin, json!({ "server_url": base(&platform) })).await;
        let denied =
            host.action("acme", &format!("{plugin}.forecast"), json!({ "city": "Rome" })).await;
        let said = denied.problem(403, "forbidden");
        assert!(
            said.contains("may not reach") && said.contains(&format!("[plugins.{plugin}]")),
            "{said}"
        );
        assert_eq!(platform.received().len(), 0, "{plugin}");
    }
}

#[tokio::test]
async fn a_platforms_failure_is_passed_on_and_an_unforeseen_one_is_only_in_the_log() {
    for plugin in plugins() {
        let platform = Receiver::start().await;
        let host = granted(plugin, &platform).await;
        let action = format!("{plugin}.forecast");
        platform.script([Reply::Status(503), Reply::Body(200, json!({ "days": [] }).to_string())]);
        let down = host.action("acme", &action, json!({ "city": "Rome" })).await;
        assert_eq!(down.problem(503, "unavailable"), "the platform answered 503: ok", "{plugin}");
        let failed = host.action("acme", &action, json!({ "city": "Rome" })).await;
        let said = failed.problem(500, "internal");
        assert_eq!(
            said, "the plugin failed unexpectedly; the host's log has the stack",
            "{plugin}"
        );
        let (error, place) = match plugin {
            "hello-js" => ("TypeError", "at run (src/plugin.ts:"),
            _ => ("IndexError", "hello.py"),
        };
        until("the log has the error and the author's line", async || {
            let log = host.logs();
            (log.contains(error) && log.contains(place)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_webhook_is_answered_and_becomes_an_event() {
    for plugin in plugins() {
        let host = host(plugin, json!({})).await;
        let path = format!("/api/hooks/acme/{plugin}");
        let answer = host.post(&path, json!({ "text": "Tea?", "account": "ann" })).await;
        assert_eq!(answer.expect(202), json!({ "received": true }), "{plugin}");
        let posted = events(&host, "posted").await;
        assert_eq!(posted[0]["data"], json!({ "text": "Tea?" }), "{plugin}");
        let who = json!({ "user_id": "ann", "provider": "platform" });
        assert_eq!(posted[0]["initiator"], who, "{plugin}");
        let text = host.request(reqwest::Method::POST, &path).body("no JSON");
        let refused = moothall_tests::answer(text).await.problem(400, "invalid");
        assert!(refused.starts_with("the body of the webhook is not JSON"), "{plugin}: {refused}");
    }
}

#[tokio::test]
async fn the_producer_polls_and_emits_each_post_once() {
    for plugin in plugins() {
        let platform = Receiver::start().await;
        let host = granted(plugin, &platform).await;
        let posts = json!([{ "id": 4, "text": "Cake?" }]);
        platform.otherwise(Reply::Body(200, posts.to_string()));
        for polled in 1..=2 {
            host.advance(MINUTE);
            platform.wait_for(polled).await;
        }
        let paths: Vec<String> = platform.received().into_iter().map(|asked| asked.path).collect();
        assert_eq!(paths[..2], ["/posts?after=0", "/posts?after=4"], "{plugin}");
        let posted = events(&host, "posted").await;
        assert_eq!(posted.len(), 1, "{plugin}: {posted:?}");
        assert_eq!(posted[0]["data"], json!({ "text": "Cake?" }), "{plugin}");
    }
}
