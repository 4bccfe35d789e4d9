//! The plugin `loomio` with an instance of Loomio.

use std::time::Duration;

use jiff::SignedDuration;
use moothall_tests::platforms::loomio::{BOARD_KEY, KEY, Loomio};
use moothall_tests::platforms::traffic::Mishap;
use moothall_tests::{Receiver, TestHost};
use serde_json::{Value, json};

const HOOK: &str = "/api/hooks/acme/loomio/s3cret";
const HOUR: Duration = Duration::from_secs(3_600);
/// Longer than a call of the plugin may take here.
const SOON: Duration = Duration::from_secs(20);

fn toml(loomio: &Loomio) -> String {
    format!(
        "[plugins.loomio]\nsettings = {{ api_url = \"{}\" }}\nlimits = {{ wall_ms = 5000 }}\n\
         grants = {{ http = [\"settings:/api_url\"], cidr = [\"127.0.0.0/8\"] }}",
        loomio.url
    )
}

fn config() -> Value {
    json!({ "api_key": KEY, "subgroup_api_keys": [BOARD_KEY], "webhook_slug": "s3cret" })
}

async fn scene() -> (TestHost, Loomio) {
    let loomio = Loomio::start().await;
    let host = TestHost::with(&["loomio"]).toml(&toml(&loomio)).start().await;
    host.community("acme", "loomio", config()).await;
    (host, loomio)
}

/// A poll as drivers of the original start it.
fn poll() -> Value {
    json!({
        "title": "Tea?", "details": "Or not.", "poll_type": "proposal", "options": ["agree", "disagree"],
        "closing_at": "2100-01-31", "recipient_emails": ["ann@example.com"], "anonymous": false
    })
}

#[tokio::test]
async fn members_are_listed_of_all_pages_and_of_a_subgroup() {
    let (host, loomio) = scene().await;
    loomio.has_members(120);
    let all = host.result("acme", "loomio.list-members", json!({})).await;
    let count = |list: &str| all[list].as_array().map(Vec::len);
    assert_eq!(
        (count("memberships"), count("users"), count("groups")),
        (Some(120), Some(120), Some(1))
    );
    for name in ["makers-board", "eFgH5678"] {
        let board = host.result("acme", "loomio.list-members", json!({ "subgroup": name })).await;
        assert_eq!(board["groups"][0]["handle"], "makers-board");
    }
    let unknown = host.action("acme", "loomio.list-members", json!({ "subgroup": "others" })).await;
    assert_eq!(unknown.problem(400, "invalid"), "No API key found for Loomio group others.");
    let queries = loomio.traffic.seen("api_key");
    assert!(queries.is_empty(), "a key in a URL is in everybody's log: {queries:?}");
}

#[tokio::test]
async fn a_discussion_is_started_in_a_group_or_a_subgroup() {
    let (host, loomio) = scene().await;
    let parameters =
        json!({ "title": "Kitchen", "description": "Who?", "recipient_user_ids": ["879750"] });
    let started = host.result("acme", "loomio.create-discussion", parameters).await;
    assert_eq!(started["discussions"][0]["title"], "Kitchen");
    let parameters = json!({ "title": "Board", "subgroup": "makers-board", "private": true });
    host.result("acme", "loomio.create-discussion", parameters).await;
    let kitchen = json!({
        "title": "Kitchen", "description": "Who?", "recipient_user_ids": ["879750"], "notify_recipients": true,
        "group_id": 1, "api_key": KEY
    });
    let board = json!({ "title": "Board", "private": true, "group_id": 2, "api_key": BOARD_KEY });
    assert_eq!(loomio.discussions(), [kitchen, board]);
    let refused = host.action("acme", "loomio.create-discussion", json!({ "title": "" })).await;
    assert!(refused.problem(400, "invalid").contains("can't be blank"), "{}", refused.text);
}

#[tokio::test]
async fn only_a_key_that_opens_the_community_s_group_is_taken() {
    let (host, _loomio) = scene().await;
    host.put_community("other", json!([])).await.expect(201);
    let enable = async |config: Value| host.enable("other", "loomio", config).await;
    enable(json!({ "api_key": "nobody's" })).await.problem(403, "forbidden");
    enable(json!({ "api_key": KEY, "group": "others" })).await.problem(400, "invalid");
    enable(json!({ "api_key": KEY, "group": "makers" })).await.expect(201);
    enable(json!({ "api_key": KEY, "group": "makers" })).await.expect(200);
}

#[tokio::test]
async fn a_poll_is_counted_at_each_webhook_and_ends_when_loomio_closes_it() {
    let (host, loomio) = scene().await;
    let driver = Receiver::start().await;
    let mut parameters = poll();
    parameters["callback_url"] = driver.url.as_str().into();
    let location = host.process("acme", "loomio.poll", parameters).await;
    let asked = loomio.last_poll();
    assert_eq!(
        (&asked["closing_at"], &asked["api_key"]),
        (&json!("2100-01-31T00:00:00Z"), &json!(KEY))
    );
    assert_eq!(asked["recipient_emails"], json!(["ann@example.com"]));
    let process = host.get(&location).await.expect(200);
    assert_eq!(process["url"], format!("{}/p/pOlL0001", loomio.url));

    let notice = loomio.cast("879750", "Agree").expect("a vote");
    host.post("/api/hooks/acme/loomio", notice.clone()).await.expect(404);
    host.post(HOOK, json!({ "text": "another poll" })).await.expect(200);
    assert_eq!(host.get(&location).await.expect(200)["outcome"], json!({}));
    host.post(HOOK, notice).await.expect(200);
    let process =
        host.process_that(&location, "has a vote", |one| one["outcome"]["votes"].is_object()).await;
    let votes = json!({ "agree": { "count": 1, "users": ["879750"] }, "disagree": { "count": 0, "users": [] } });
    assert_eq!((&process["status"], &process["outcome"]["votes"]), (&json!("pending"), &votes));
    assert_eq!(process["outcome"]["undecided_voters_count"], 3);
    assert_eq!(process["outcome"]["cast_stances_pct"], 25.0);

    loomio.cast("2", "Disagree").expect("a vote");
    host.post(HOOK, loomio.close()).await.expect(200);
    let process =
        host.process_that(&location, "is completed", |one| one["status"] == "completed").await;
    assert_eq!(process["outcome"]["votes"]["disagree"], json!({ "count": 1, "users": ["2"] }));
    let told = driver.wait_for(2).await;
    assert_eq!(told[1].json()["status"], "completed");
}

#[tokio::test]
async fn a_vote_of_the_standard_lets_only_the_eligible_vote() {
    let (host, loomio) = scene().await;
    let vote =
        json!({ "title": "Which?", "options": ["tea", "coffee"], "eligible_voters": ["7", "8"] });
    let location = host.process("acme", "loomio.poll", vote).await;
    let asked = loomio.last_poll();
    assert_eq!(
        (&asked["poll_type"], &asked["recipient_user_ids"]),
        (&json!("poll"), &json!([7, 8]))
    );
    assert!(loomio.cast("9", "tea").is_none(), "not invited");
    let notice = loomio.cast("8", "coffee").expect("a vote");
    host.post(HOOK, notice).await.expect(200);
    let votes =
        json!({ "coffee": { "count": 1, "users": ["8"] }, "tea": { "count": 0, "users": [] } });
    host.process_that(&location, "has the vote", |one| one["outcome"]["votes"] == votes).await;
    for (wrong, why) in [
        (json!({ "title": "Tea?", "eligible_voters": ["ann"] }), "no id of a Loomio user"),
        (json!({ "title": "Tea?", "closing_at": "2020-01-31" }), "is past"),
        (json!({ "title": "Tea?", "options": [] }), "'options' is empty"),
        (json!({ "title": "Tea?", "subgroup": "others" }), "No API key found"),
    ] {
        let refused =
            host.start_process("acme", "loomio.poll", wrong).await.problem(400, "invalid");
        assert!(refused.contains(why), "{refused}");
    }
    assert_eq!(loomio.traffic.seen("POST /api/b2/polls").len(), 1);
}

#[tokio::test]
async fn a_driver_can_close_a_poll_early() {
    let (host, loomio) = scene().await;
    let location = host.process("acme", "loomio.poll", poll()).await;
    loomio.cast("879750", "Agree").expect("a vote");
    let closed = host.delete(&location).await.expect(200);
    let count = &closed["outcome"]["votes"]["agree"]["count"];
    assert_eq!((&closed["status"], count), (&json!("completed"), &json!(1)));
    assert!(loomio.cast("2", "Agree").is_none(), "it is over on Loomio too");
}

#[tokio::test]
async fn a_poll_whose_results_loomio_hides_is_completed_when_they_are_shown() {
    let (host, loomio) = scene().await;
    let mut hidden = poll();
    hidden["hide_results_until_closed"] = true.into();
    let location = host.process("acme", "loomio.poll", hidden).await;
    assert_eq!(loomio.last_poll()["hide_results"], "until_closed");
    loomio.cast("879750", "Disagree").expect("a vote");
    let refused = host.delete(&location).await.problem(503, "unavailable");
    assert!(refused.contains("within an hour"), "{refused}");
    loomio.advance(SignedDuration::from_secs(11));
    loomio.hourly();
    host.advance(HOUR);
    let process =
        host.process_that(&location, "is completed", |one| one["status"] == "completed").await;
    assert_eq!(process["outcome"]["votes"]["disagree"]["users"], json!(["879750"]));
}

#[tokio::test]
async fn a_poll_ends_at_its_time_without_any_webhook() {
    let (host, loomio) = scene().await;
    // A plugin's clock is the real one, also where a test moves the host's.
    let end = loomio.soon(SignedDuration::from_secs(2));
    let vote = json!({ "title": "Tea?", "closing_at": end.to_string() });
    let location = host.process("acme", "loomio.poll", vote).await;
    loomio.cast("879750", "yes").expect("a vote");
    let process =
        host.process_that(&location, "is completed", |one| one["status"] == "completed").await;
    assert_eq!(process["outcome"]["votes"]["yes"]["count"], 1);
    assert_eq!(loomio.traffic.seen("PATCH").len(), 1, "Loomio's end is the next full hour");
    assert!(loomio.cast("7", "yes").is_none(), "it is over on Loomio too");
}

#[tokio::test]
async fn a_poll_belongs_to_a_discussion_by_its_thread() {
    let (host, loomio) = scene().await;
    let started = host.result("acme", "loomio.create-discussion", json!({ "title": "Tea" })).await;
    let mut parameters = poll();
    parameters["discussion_id"] = started["discussions"][0]["id"].clone();
    host.process("acme", "loomio.poll", parameters.clone()).await;
    assert_eq!(loomio.last_poll()["topic_id"], 701);
    parameters["discussion_id"] = 9.into();
    host.start_process("acme", "loomio.poll", parameters).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_poll_that_was_deleted_ends_with_what_was_seen_of_it() {
    let (host, loomio) = scene().await;
    let location = host.process("acme", "loomio.poll", poll()).await;
    let notice = loomio.cast("879750", "Agree").expect("a vote");
    host.post(HOOK, notice.clone()).await.expect(200);
    host.process_that(&location, "has a vote", |one| one["outcome"]["votes"].is_object()).await;
    loomio.discard();
    host.post(HOOK, notice).await.expect(200);
    let process =
        host.process_that(&location, "is completed", |one| one["status"] == "completed").await;
    assert_eq!(process["errors"]["code"], "vote_deleted");
    assert_eq!(process["outcome"]["votes"]["agree"]["count"], 1);
}

#[tokio::test]
async fn a_changed_key_keeps_polls_and_the_new_key_reads_them() {
    let (host, loomio) = scene().await;
    let mut parameters = poll();
    parameters["subgroup"] = "makers-board".into();
    let location = host.process("acme", "loomio.poll", parameters).await;
    let config = json!({ "api_key": BOARD_KEY, "webhook_slug": "s3cret" });
    let plugins = json!([{ "name": "loomio", "config": config }]);
    host.put_community("acme", plugins).await.expect(200);
    let notice = loomio.cast("879750", "Agree").expect("a vote");
    host.post(HOOK, notice).await.expect(200);
    host.process_that(&location, "has a vote", |one| one["outcome"]["votes"].is_object()).await;
}

#[tokio::test]
async fn an_instance_that_fails_is_told_from_one_that_refuses() {
    let (host, loomio) = scene().await;
    let members = async || host.action("acme", "loomio.list-members", json!({})).await;
    loomio.traffic.befalls("memberships", Mishap::With(429, "retry-after", "1".to_owned()));
    members().await.expect(200);
    loomio.traffic.befalls("memberships", Mishap::With(429, "retry-after", "3600".to_owned()));
    let busy = members().await;
    busy.problem(503, "unavailable");
    assert_eq!(busy.json()["details"]["retry_after_s"], 3_600, "{}", busy.text);
    loomio.traffic.befalls("memberships", Mishap::Status(500, "<html>oops</html>"));
    members().await.problem(503, "unavailable");
    loomio.traffic.befalls("memberships", Mishap::Status(200, "<html>login</html>"));
    members().await.problem(500, "internal");
    loomio.traffic.befalls("memberships", Mishap::Status(403, "{\"error\":403}"));
    members().await.problem(403, "forbidden");
    loomio.traffic.befalls("memberships", Mishap::Hang);
    let slow = tokio::time::timeout(SOON, members()).await.expect("an answer in time");
    assert_eq!(slow.status, 504, "{}", slow.text);
    loomio.traffic.befalls("POST /api/b2/polls", Mishap::Status(500, "oops"));
    host.start_process("acme", "loomio.poll", poll()).await.problem(503, "unavailable");
    let all = host.get("/api/internal/process").await.expect(200);
    assert_eq!(all["processes"], json!([]));
}
