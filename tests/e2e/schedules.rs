//! Ticks: when they come, what a failing one does, and that a commit advances its own schedule.

use std::time::Duration;

use jiff::Timestamp;
use moothall_tests::{TestHost, answer, until};
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

async fn host() -> TestHost {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    host
}

async fn state(host: &TestHost, community: &str, key: &str) -> Value {
    host.action(community, "probe.get", json!({ "key": key })).await.json()["value"].clone()
}

async fn ticks(host: &TestHost, community: &str) -> u64 {
    state(host, community, "ticks").await.as_u64().unwrap_or(0)
}

async fn ticked(host: &TestHost, community: &str, count: u64) {
    until("it has ticked", async || (ticks(host, community).await >= count).then_some(())).await;
}

async fn schedule(host: &TestHost, community: &str) -> Value {
    let path = format!("/api/internal/schedules?community={community}");
    host.get(&path).await.expect(200)["schedules"][0].clone()
}

/// The schedule, once it has run again.
async fn tried_after(host: &TestHost, community: &str, before: &Value) -> Value {
    until("it was tried", async || {
        let now = schedule(host, community).await;
        (now["last_at"] != before["last_at"]).then_some(now)
    })
    .await
}

#[tokio::test]
async fn a_producer_ticks_every_minute_and_missed_ticks_are_one() {
    let host = host().await;
    let first = schedule(&host, "acme").await;
    assert_eq!((&first["kind"], &first["last_at"]), (&json!("producer"), &Value::Null));
    assert_eq!(ticks(&host, "acme").await, 0);
    host.advance(MINUTE);
    ticked(&host, "acme", 1).await;
    let second = schedule(&host, "acme").await;
    host.advance(HOUR);
    ticked(&host, "acme", 2).await;
    let third = tried_after(&host, "acme", &second).await;
    let time = |name: &str| third[name].as_str().and_then(|at| at.parse::<Timestamp>().ok());
    let (due, last) = (time("due_at").expect("a time"), time("last_at").expect("a time"));
    let wait = due.duration_since(last).as_secs_f64();
    assert!(wait > 0.0 && wait <= 60.0, "sixty missed ticks are one: {third}");
    assert_eq!(ticks(&host, "acme").await, 2);
    assert_eq!(third["failures"], 0);
}

#[tokio::test]
async fn the_operator_says_how_often() {
    let toml = "[plugins.probe]\nevery = { producer = \"2h\" }";
    let host = TestHost::with(&["probe"]).toml(toml).start().await;
    host.community("acme", "probe", json!({})).await;
    let first = schedule(&host, "acme").await;
    let path = "/api/internal/process/probe.vote";
    let vote = host.request(reqwest::Method::POST, path).header("X-Metagov-Community", "acme");
    let vote = answer(vote.json(&json!({ "updates": 1 }))).await;
    vote.expect(202);
    host.advance(HOUR);
    until("what comes each minute has come", async || {
        let process = host.get(vote.header("location")).await.expect(200);
        (process["status"] == "completed").then_some(())
    })
    .await;
    assert_eq!(schedule(&host, "acme").await, first, "not before its time");
    host.advance(HOUR + MINUTE);
    ticked(&host, "acme", 1).await;
    let second = tried_after(&host, "acme", &first).await;
    let due = |schedule: &Value| -> Timestamp {
        schedule["due_at"].as_str().and_then(|at| at.parse().ok()).expect("a time")
    };
    assert_eq!(due(&second).duration_since(due(&first)).as_secs(), 2 * 60 * 60);
    assert_eq!(ticks(&host, "acme").await, 1);
}

#[tokio::test]
async fn a_schedule_that_never_comes_is_refused_where_it_is_set() {
    let toml = "[plugins.probe]\nevery = { producer = \"0 0 30 2 *\" }";
    let host = TestHost::with(&["probe"]).toml(toml).start().await;
    let listed = host.get("/api/internal/plugins").await.expect(200);
    let failed = &listed["plugins"][0];
    assert_eq!(failed["status"], "failed", "{failed}");
    assert_eq!(failed["errors"][0]["code"], "bad_schedule", "{failed}");
    let message = failed["errors"][0]["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("producer: `0 0 30 2 *` never comes"), "{message}");
}

#[tokio::test]
async fn how_often_is_refused_with_the_place_where_it_is_said() {
    let toml = "[plugins.probe]\nevery = { producer = \"30 sec\" }";
    let host = TestHost::with(&["probe"]).toml(toml).start().await;
    let listed = host.get("/api/internal/plugins").await.expect(200);
    let said = listed["plugins"][0]["errors"][0]["message"].to_string();
    for words in ["neither an interval", "`every` of [plugins.probe] in moothall.toml", "producer"]
    {
        assert!(said.contains(words), "{said}");
    }
}

async fn due(host: &TestHost) -> Timestamp {
    let one = schedule(host, "acme").await;
    one["due_at"].as_str().and_then(|at| at.parse().ok()).expect("a time")
}

#[tokio::test]
async fn what_the_operator_says_while_the_host_runs_moves_what_is_due() {
    let toml = "[plugins.probe]\nevery = { producer = \"2h\" }";
    let mut host = TestHost::with(&["probe"]).toml(toml).start().await;
    host.community("acme", "probe", json!({})).await;
    let before = due(&host).await;
    host.set_toml("[plugins.probe]\nevery = { producer = \"1h\" }");
    host.reload();
    until("it is due within the hour", async || {
        (before.duration_since(due(&host).await).as_secs() >= 50 * 60).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_failing_instance_backs_off_alone_and_recovers() {
    let host = host().await;
    host.community("other", "probe", json!({})).await;
    let set = |value: bool| json!({ "key": "fail_ticks", "value": value });
    host.result("acme", "probe.put", set(true)).await;
    let mut failing = schedule(&host, "acme").await;
    for failures in 1..=3 {
        host.advance(HOUR);
        failing = tried_after(&host, "acme", &failing).await;
        assert_eq!(failing["failures"], failures, "{failing}");
    }
    assert_eq!(failing["backing_off"], true);
    assert!(failing["last_error"].is_string(), "{failing}");
    assert_eq!(ticks(&host, "acme").await, 0, "nothing of a failed tick is stored");
    ticked(&host, "other", 3).await;
    assert_eq!(schedule(&host, "other").await["failures"], 0);

    host.result("acme", "probe.put", set(false)).await;
    host.advance(HOUR);
    ticked(&host, "acme", 1).await;
    let well = tried_after(&host, "acme", &failing).await;
    assert_eq!((&well["failures"], &well["last_error"]), (&json!(0), &Value::Null));
}

#[tokio::test]
async fn schedules_go_with_their_instance() {
    let host = host().await;
    host.put_community("acme", json!([])).await.expect(200);
    let all = host.get("/api/internal/schedules").await.expect(200);
    assert_eq!(all["schedules"], json!([]));
}

#[tokio::test]
async fn a_failing_close_is_tried_again() {
    let host = host().await;
    let request = host.request(reqwest::Method::POST, "/api/internal/process/probe.vote");
    let vote = json!({ "closing_at": "2000-01-01T00:00:00Z", "fail": "close" });
    let request = request.header("X-Metagov-Community", "acme").json(&vote);
    let started = answer(request).await;
    started.expect(202);
    let closing = async || {
        let all = host.get("/api/internal/schedules").await.expect(200);
        let all = all["schedules"].as_array().expect("a list").clone();
        all.into_iter().find(|one| one["kind"] == "closing").expect("a closing time")
    };
    for failures in 1..=3 {
        until("it was tried", async || {
            host.advance(Duration::from_secs(1));
            (closing().await["failures"].as_i64() >= Some(failures)).then_some(())
        })
        .await;
    }
    assert_eq!(host.get(started.header("location")).await.expect(200)["status"], "pending");
}
