//! The defects of the system that this host replaces, each shown to be absent.
//!
//! | defect | test |
//! | --- | --- |
//! | 1 event lost while the driver is down | `deliveries::held_back::a_receiver_that_is_down_is_left_alone_and_probed`, `deliveries::what_was_committed_is_delivered_after_a_crash` |
//! | 2, 8 callback blocks closing, fires before the commit | `processes::a_driver_is_told_after_the_commit_and_however_long_it_is_down` |
//! | 3 a slow driver holds others up | `deliveries::held_back::a_receiver_that_hangs_gets_so_many_at_once_and_holds_nobody_up`, `egress::a_slow_platform_holds_up_nobody_else` |
//! | 4, 9 one failing task stops all, one schedule for all | `schedules::a_failing_instance_backs_off_alone_and_recovers`, `schedules::the_operator_says_how_often` |
//! | 5 lost state writes | `serializability` |
//! | 6 pending processes vanish on a changed config | here |
//! | 7 half-created communities | `communities::a_failed_change_leaves_the_community_as_it_was` |
//! | 10 state rows leak on delete | here |
//! | 11 events without content type or signature | `deliveries::the_driver_gets_the_body_that_it_always_got`, `reference_libraries` |
//! | 12 no authentication; ids cross tenants and can be guessed | `access`, and here |
//! | 13 secrets shown and logged | `secrets` |
//! | 14, 15 signatures unchecked, rejected requests reach processes | `webhook_signatures`, and here |
//! | 16 OAuth: replay, tampering, open redirect | `oauth::refusals` |
//! | 17 requests into the network | `egress::a_name_that_leads_inside_is_refused`, `endpoints::an_address_inside_is_refused_at_every_attempt` |
//! | 18 plugins with the host's rights | `isolation` |
//! | 19 identity routes that never worked | `identity` |
//! | 20, 21 caller's mistakes answered with 500 | here |
//! | 22 enabling twice | `seed::enabling_again_as_the_seed_does_answers_the_same_community` |
//! | 23 webhook URLs that do not exist | `webhooks::what_is_not_there_is_not_told_apart` |
//! | 24 several instances of a plugin | `instances`, `global_webhooks`, and here |
//! | 25 (host's part) unknown community on authorize | `oauth` |
//! | 26 nothing can be listed | `processes::lists_are_filtered_and_paged`, `events`, `deliveries`, `schedules` |
//! | 27 documents and code disagree | `documents`, `drivers`, `reference_libraries` |

use std::collections::BTreeSet;

use moothall_tests::{Answer, TestHost, answer, until};
use reqwest::Method;
use serde_json::{Value, json};

use crate::webhook_signatures::signature;

async fn post(host: &TestHost, path: &str, body: Value) -> Answer {
    answer(host.request(Method::POST, path).header("X-Metagov-Community", "acme").json(&body)).await
}

async fn start(host: &TestHost, process: &str, parameters: Value) -> String {
    let started = post(host, &format!("/api/internal/process/{process}"), parameters).await;
    started.expect(202);
    started.header("location").to_owned()
}

#[tokio::test]
async fn defect_06_pending_processes_are_completed_and_not_lost_by_a_changed_config() {
    let host = TestHost::with(&["tutorial"]).start().await;
    host.community("acme", "tutorial", json!({ "api_key": "1" })).await;
    let location = start(&host, "tutorial.my-gov-process", json!({ "title": "Lunch?" })).await;
    host.enable("acme", "tutorial", json!({ "api_key": "1", "foo": "2" })).await.expect(201);
    let process = host.get(&location).await.expect(200);
    assert_eq!(process["status"], "completed");
    assert_eq!(process["errors"], json!({ "code": "instance_replaced" }));
}

#[tokio::test]
async fn defect_10_nothing_of_a_deleted_community_stays() {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({ "token": "t" })).await;
    host.result("acme", "probe.put", json!({ "key": "k", "value": 1 })).await;
    start(&host, "probe.vote", json!({})).await;
    let file = host.data().join("moothall.db");
    let rows = || {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let conn = rusqlite::Connection::open_with_flags(&file, flags).expect("the database");
        let count = |table: &str| -> i64 {
            let sql = format!("SELECT count(*) FROM {table}");
            conn.query_row(&sql, [], |row| row.get(0)).expect("a table")
        };
        ["state", "process", "process_state", "schedule", "instance", "instance_secret"].map(count)
    };
    assert!(rows().iter().all(|rows| *rows > 0), "{:?}", rows());
    host.delete("/api/internal/community/acme").await.expect(204);
    until("the purge has been there", async || (rows() == [0; 6]).then_some(())).await;
}

#[tokio::test]
async fn defect_12_ids_cross_no_tenants_and_cannot_be_guessed() {
    let host = TestHost::with(&["probe", "tutorial"]).start().await;
    let acme = host.community("acme", "probe", json!({})).await;
    let id = &acme["plugins"][0]["id"];
    let path = format!("/api/internal/plugin/tutorial/{id}");
    host.delete(&path).await.problem(404, "unknown_instance");
    assert_eq!(host.action("acme", "probe.get", json!({ "key": "k" })).await.status, 200);
    let mut random = BTreeSet::new();
    for _ in 0..5 {
        let location = start(&host, "probe.vote", json!({})).await;
        let id = location.rsplit('/').next().expect("an id");
        // The 80 bits after the time, which do not count up.
        random.insert(id[10..18].to_owned());
    }
    assert_eq!(random.len(), 5, "{random:?}");
}

#[tokio::test]
async fn defect_15_a_rejected_webhook_reaches_no_process() {
    let host = TestHost::with(&["signed"]).start().await;
    host.community("acme", "signed", json!({ "webhook_secret": "the secret of a platform" })).await;
    let watch = start(&host, "signed.watch", json!({})).await;
    let unsigned = host.request(Method::POST, "/api/hooks/acme/signed").body("{}");
    answer(unsigned).await.problem(401, "bad_signature");
    // An accepted webhook does reach the process, so the refused one would have, too.
    let signed = host.request(Method::POST, "/api/hooks/acme/signed").body("{}");
    let signature = signature("the secret of a platform", "{}");
    answer(signed.header("X-Hub-Signature-256", signature)).await.expect(200);
    let workers = host.get("/api/internal/workers").await.expect(200);
    assert_eq!(workers["workers"][0]["waiting"], 0);
    assert_eq!(host.delete(&watch).await.expect(200)["outcome"], json!({ "webhooks": 1 }));
}

#[tokio::test]
async fn defect_20_and_21_a_caller_s_mistake_is_no_failure_of_the_server() {
    let host = TestHost::with(&["probe", "tutorial"]).start().await;
    host.community("acme", "probe", json!({})).await;
    let start = "/api/internal/process/tutorial.my-gov-process";
    post(&host, start, json!({ "title": "x" })).await.problem(400, "plugin_not_enabled");
    let start = "/api/internal/process/probe.vote";
    post(&host, start, json!({ "updates": "x" })).await.problem(400, "invalid_parameters");
    host.enable("acme", "tutorial", json!({})).await.problem(400, "invalid_config");
    let act = "/api/internal/action/probe.put";
    post(&host, act, json!({ "parameters": {} })).await.problem(400, "invalid_parameters");
    post(&host, act, json!({})).await.problem(400, "invalid_parameters");
    let refused =
        host.action("acme", "probe.emit-then-fail", json!({ "event_type": "x", "data": 1 }));
    refused.await.problem(409, "conflict");
}

#[tokio::test]
async fn defect_24_each_of_several_instances_can_be_reached() {
    let host = TestHost::with(&["platform"]).start().await;
    let one = |team: &str| json!({ "name": "platform", "config": { "team_id": team } });
    host.put_community("acme", json!([one("T1"), one("T 2")])).await.expect(201);
    let hooks = host.get("/api/internal/community/acme/hooks").await.expect(200);
    let hooks: Vec<_> = hooks["hooks"].as_array().expect("a list").iter().collect();
    assert_eq!(hooks[1], "/api/hooks/acme/platform?community_platform_id=T+2");
    answer(host.request(Method::POST, "/api/hooks/acme/platform")).await.problem(404, "not_found");
    let second = hooks[1].as_str().expect("a URL");
    assert_eq!(answer(host.request(Method::POST, second).body("{}")).await.status, 200);
    let events = host.get("/api/internal/events").await.expect(200);
    assert_eq!(events["events"][0]["data"]["team_id"], "T 2");
}
