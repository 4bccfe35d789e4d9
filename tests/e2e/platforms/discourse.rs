//! The plugin `discourse` with a forum.

use std::time::Duration;

use jiff::SignedDuration;
use moothall_tests::platforms::discourse::{Discourse, KEY, SECRET, Webhook};
use moothall_tests::platforms::traffic::Mishap;
use moothall_tests::{Answer, Receiver, TestHost, answer, until};
use reqwest::Method;
use serde_json::{Value, json};

const TOML: &str = "[plugins.discourse]
grants = { http = [\"config:/server_url\"], cidr = [\"127.0.0.0/8\"] }
limits = { wall_ms = 5000 }";
const MINUTES: Duration = Duration::from_secs(240);
/// Longer than a call of the plugin may take here.
const SOON: Duration = Duration::from_secs(20);

fn config(forum: &Discourse) -> Value {
    json!({ "api_key": KEY, "server_url": forum.url, "webhook_secret": SECRET })
}

async fn scene() -> (TestHost, Discourse) {
    let forum = Discourse::start().await;
    let host = TestHost::with(&["discourse"]).toml(TOML).start().await;
    host.community("acme", "discourse", config(&forum)).await;
    (host, forum)
}

async fn tell(host: &TestHost, webhook: Webhook) -> Answer {
    let request = host.request(Method::POST, "/api/hooks/acme/discourse").body(webhook.body);
    answer(
        webhook
            .headers
            .into_iter()
            .fold(request, |request, (name, value)| request.header(name, value)),
    )
    .await
}

/// The events so far: type, data and initiator.
async fn events(host: &TestHost) -> Vec<(String, Value, Value)> {
    let events = host.get("/api/internal/events?community=acme").await.expect(200);
    let events = events["events"].as_array().expect("a list").clone();
    let told = |mut one: Value| {
        (
            one["event_type"].as_str().expect("a type").to_owned(),
            one["data"].take(),
            one["initiator"].take(),
        )
    };
    events.into_iter().map(told).collect()
}

const RAW: &str = "A text that is long enough.";

fn topic() -> Value {
    json!({ "raw": RAW, "title": "Who cleans the kitchen?", "category": 8 })
}

#[tokio::test]
async fn topics_posts_and_messages_are_created() {
    let (host, forum) = scene().await;
    let created = host.result("acme", "discourse.create-topic", topic()).await;
    let url = |number: usize| format!("{}/t/topic-100/100/{number}", forum.url);
    assert_eq!(created, json!({ "url": url(1), "post_id": 1, "topic_id": 100 }));
    let post =
        host.result("acme", "discourse.create-post", json!({ "raw": RAW, "topic_id": 100 })).await;
    assert_eq!(post, json!({ "url": url(2), "post_id": 2, "topic_id": 100 }));
    let message =
        json!({ "raw": RAW, "title": "A message for alice", "target_usernames": ["alice"] });
    host.result("acme", "discourse.create-message", message).await;
    let answered =
        json!({ "raw": RAW, "topic_id": 102, "target_usernames": ["alice"], "is_warning": false });
    host.result("acme", "discourse.create-message", answered).await;
    let asked = forum.asked();
    let message = json!({
        "raw": RAW, "title": "A message for alice", "target_recipients": "alice", "archetype": "private_message"
    });
    assert_eq!((&asked[0], &asked[2]), (&topic(), &message), "no nulls");
    assert_eq!(asked[3]["archetype"], "regular");
}

#[tokio::test]
async fn posts_and_topics_are_deleted_recovered_and_locked() {
    let (host, forum) = scene().await;
    host.result("acme", "discourse.create-topic", topic()).await;
    host.result("acme", "discourse.create-post", json!({ "raw": RAW, "topic_id": 100 })).await;
    for (action, id, post, is_deleted) in [
        ("discourse.delete-post", 2, 2, true),
        ("discourse.recover-post", 2, 2, false),
        ("discourse.delete-topic", 100, 1, true),
        ("discourse.recover-topic", 100, 1, false),
    ] {
        host.action("acme", action, json!({ "id": id })).await.expect(200);
        assert_eq!(forum.state_of(post).0, is_deleted, "{action}");
        host.action("acme", action, json!({ "id": 77 })).await.problem(404, "not_found");
    }
    let first = host.action("acme", "discourse.delete-post", json!({ "id": 1 })).await;
    first.problem(403, "forbidden");
    for locked in [true, false] {
        let answer =
            host.result("acme", "discourse.lock-post", json!({ "id": 1, "locked": locked })).await;
        assert_eq!((answer, forum.state_of(1).1), (json!({ "locked": locked }), locked));
    }
}

#[tokio::test]
async fn what_the_forum_refuses_is_the_caller_s_and_what_it_cannot_do_now_is_not() {
    let (host, forum) = scene().await;
    let create = async |more: Value| {
        let mut topic = topic();
        more.as_object()
            .expect("members")
            .iter()
            .for_each(|(name, value)| topic[name] = value.clone());
        host.action("acme", "discourse.create-topic", topic).await
    };
    let refused = create(json!({ "title": "Short" })).await.problem(400, "invalid");
    assert!(refused.contains("Title is too short"), "{refused}");
    create(json!({ "title": 7 })).await.problem(400, "invalid_parameters");
    forum.traffic.befalls("posts.json", Mishap::With(429, "retry-after", "1".to_owned()));
    create(json!({})).await.expect(200);
    create(json!({})).await.expect(200);
    assert_eq!(forum.asked().len(), 1, "the forum takes the same for a repetition");
    let used = create(json!({ "raw": "Another text, also long enough." })).await;
    assert!(used.problem(400, "invalid").contains("already been used"), "{}", used.text);
    forum.traffic.befalls("posts.json", Mishap::With(429, "retry-after", "60".to_owned()));
    create(json!({})).await.problem(503, "unavailable");
    forum.traffic.befalls("posts.json", Mishap::Status(500, "oops"));
    create(json!({})).await.problem(503, "unavailable");
    forum.traffic.befalls("posts.json", Mishap::Status(200, "{\"success\": \"OK\"}"));
    create(json!({})).await.problem(500, "internal");
    forum.traffic.befalls("posts.json", Mishap::Hang);
    let slow = tokio::time::timeout(SOON, create(json!({}))).await.expect("an answer in time");
    assert_eq!(slow.status, 504, "{}", slow.text);
    forum.is_moderated();
    let waits = create(json!({ "title": "Who cleans the bathroom?" })).await;
    let waits = waits.problem(409, "conflict");
    assert!(waits.contains("moderator"), "{waits}");
    let mut wrong = config(&forum);
    wrong["api_key"] = "wrong".into();
    host.put_community("other", json!([])).await.expect(201);
    host.enable("other", "discourse", wrong).await.problem(403, "forbidden");
}

#[tokio::test]
async fn posts_and_topics_become_events_once() {
    let (host, forum) = scene().await;
    host.result("acme", "discourse.create-topic", topic()).await;
    for webhook in
        [forum.tells_of_post(), forum.tells_of_topic(), forum.tells_of_post(), forum.ping()]
    {
        tell(&host, webhook).await.expect(200);
    }
    let post = json!({ "raw": RAW, "topic_id": 100, "id": 1, "url": format!("{}/t/topic-100/100/1", forum.url) });
    let topic = json!({
        "title": "Who cleans the kitchen?", "id": 100, "tags": ["kitchen", "rota"], "category": 8,
        "url": format!("{}/t/topic-100/100", forum.url)
    });
    let by = |name: &str| json!({ "user_id": name, "provider": "discourse" });
    let expected = [
        ("post_created".to_owned(), post, by("bot")),
        ("topic_created".to_owned(), topic, by("alice")),
    ];
    assert_eq!(events(&host).await, expected);
}

#[tokio::test]
async fn only_the_forum_s_own_signed_webhooks_are_taken() {
    let (host, forum) = scene().await;
    let changed = || forum.tells_of_user(1, "alice", json!({ "1": "Rome" }));
    tell(&host, changed().forged()).await.expect(401);
    let mut unsigned = changed();
    unsigned.headers.retain(|(name, _)| !name.ends_with("signature"));
    tell(&host, unsigned).await.expect(401);
    let elsewhere = tell(&host, changed().from_elsewhere("https://elsewhere.example")).await;
    assert!(elsewhere.status >= 400, "{}", elsewhere.text);
    assert_eq!(events(&host).await, []);
}

#[tokio::test]
async fn a_change_of_user_fields_is_told_with_what_they_were() {
    let forum = Discourse::start().await;
    (2..=30).for_each(|id| forum.has_person(id, &format!("user{id}"), json!({ "1": null })));
    let host = TestHost::with(&["discourse"]).toml(TOML).start().await;
    host.community("acme", "discourse", config(&forum)).await;
    let known = || {
        (1..=30)
            .filter(|id| forum.traffic.seen(&format!("/admin/users/{id}.json")).len() == 1)
            .count()
    };
    assert_eq!(known(), 20, "the others are learnt later");
    until("everybody is known, and that there is nobody else", async || {
        host.advance(Duration::from_secs(60));
        (known() == 30 && !forum.traffic.seen("page=2").is_empty()).then_some(())
    })
    .await;
    for (fields, name) in [(json!({ "1": "Berlin" }), "alice"), (json!({ "1": "Rome" }), "alice")] {
        tell(&host, forum.tells_of_user(1, name, fields)).await.expect(200);
    }
    tell(&host, forum.tells_of_user(99, "new", json!({ "1": "Oslo" }))).await.expect(200);
    let told = events(&host).await;
    let rome = json!({
        "id": 1, "username": "alice", "user_fields": { "1": "Rome" }, "old_user_fields": { "1": "Berlin" }
    });
    let new = json!({ "id": 99, "username": "new", "user_fields": { "1": "Oslo" }, "old_user_fields": null });
    let data: Vec<&Value> = told.iter().map(|(_, data, _)| data).collect();
    assert_eq!(data, [&rome, &new]);
    assert_eq!(told[0].2, json!({ "user_id": "alice", "provider": "discourse" }));
}

fn poll() -> Value {
    json!({ "title": "A poll of the kitchen", "details": "Who?", "options": ["a & b", "c"], "category": 8, "closing_at": "2100-04-22" })
}

fn has_votes(process: &Value) -> bool {
    process["outcome"]["votes"]
        .as_object()
        .is_some_and(|votes| votes.values().any(|one| one["count"] != 0))
}

#[tokio::test]
async fn a_poll_is_polled_and_ends_when_somebody_closes_it_on_the_forum() {
    let (host, forum) = scene().await;
    let driver = Receiver::start().await;
    let mut parameters = poll();
    parameters["callback_url"] = driver.url.as_str().into();
    parameters["groups"] = json!(["staff", "cooks"]);
    let location = host.process("acme", "discourse.poll", parameters).await;
    let (attributes, title, options) = forum.last_poll();
    let attributes: Vec<(&str, &str)> =
        attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        attributes,
        [("close", "2100-04-22T00:00:00Z"), ("groups", "staff,cooks"), ("type", "regular")]
    );
    assert_eq!((title.as_str(), options.len()), ("A poll of the kitchen", 2));
    assert_eq!(
        (&forum.asked()[0]["category"], &forum.asked()[0]["title"]),
        (&json!(8), &json!("A poll of the kitchen"))
    );
    assert_eq!(
        host.get(&location).await.expect(200)["url"],
        format!("{}/t/topic-100/100/1", forum.url)
    );
    assert!(forum.vote("alice", "a &amp; b"));
    host.advance(MINUTES);
    let process = host.process_that(&location, "has a vote", has_votes).await;
    let votes = json!({ "a & b": { "count": 1, "users": [] }, "c": { "count": 0, "users": [] } });
    assert_eq!(
        (&process["status"], &process["outcome"]["votes"]),
        (&json!("pending"), &votes),
        "not public"
    );
    forum.close_poll();
    host.advance(MINUTES);
    host.process_that(&location, "is completed", |one| one["status"] == "completed").await;
    let told = driver.wait_for(2).await;
    assert_eq!(told[1].json()["outcome"]["votes"], votes);
}

#[tokio::test]
async fn a_vote_of_the_standard_counts_only_the_eligible_and_says_who_voted() {
    let (host, forum) = scene().await;
    let voters: Vec<String> = (0..130).map(|number| format!("voter{number}")).collect();
    let vote = json!({ "title": "Which drink is best?", "options": ["tea", "coffee"], "eligible_voters": voters });
    let location = host.process("acme", "discourse.poll", vote).await;
    assert_eq!(forum.last_poll().0.get("public").map(String::as_str), Some("true"));
    assert!(forum.vote("mallory", "coffee"));
    assert!(voters.iter().all(|voter| forum.vote(voter, "tea")));
    let closed = host.delete(&location).await.expect(200);
    assert_eq!(closed["status"], "completed");
    assert!(!forum.vote("late", "tea"), "closed on the forum too");
    let tea = &closed["outcome"]["votes"]["tea"];
    assert_eq!((&tea["count"], tea["users"].as_array().map(Vec::len)), (&json!(130), Some(130)));
    assert_eq!(closed["outcome"]["votes"]["coffee"], json!({ "count": 0, "users": [] }));
    for (wrong, why) in [
        (json!({ "public": false, "eligible_voters": ["alice"] }), "'public'"),
        (json!({ "poll_type": "number", "eligible_voters": ["alice"] }), "'number'"),
        (json!({ "options": ["a\n[/poll]"] }), "one line"),
        (json!({ "groups": ["a]"] }), "'groups'"),
        (json!({ "poll_type": "multiple", "max": 3 }), "invalid parameters"),
        (json!({ "closing_at": "2020-01-31" }), "is past"),
        (json!({ "options": [] }), "'options' is empty"),
    ] {
        let mut vote = poll();
        wrong
            .as_object()
            .expect("members")
            .iter()
            .for_each(|(name, value)| vote[name] = value.clone());
        let refused =
            host.start_process("acme", "discourse.poll", vote).await.problem(400, "invalid");
        assert!(refused.contains(why), "{refused}");
    }
    assert_eq!(forum.asked().len(), 1);
}

#[tokio::test]
async fn a_poll_takes_its_topic_from_the_configuration_and_numbers_on_demand() {
    let (host, forum) = scene().await;
    host.result("acme", "discourse.create-topic", topic()).await;
    let mut config = config(&forum);
    for (name, value) in
        [("topic_id", json!(100)), ("public", json!(true)), ("votes_as_numbers", json!(true))]
    {
        config[name] = value;
    }
    host.put_community("acme", json!([{ "name": "discourse", "config": config }]))
        .await
        .expect(200);
    let poll = json!({ "title": "How many chairs?", "poll_type": "number", "min": 1, "max": 5, "step": 2, "results": "on_close", "chart_type": "pie" });
    let location = host.process("acme", "discourse.poll", poll).await;
    let (attributes, _, options) = forum.last_poll();
    let said = ["type", "min", "max", "step", "results", "chartType", "public"]
        .map(|name| attributes.get(name).map_or("", String::as_str));
    assert_eq!(
        (said, options.join(" ")),
        (["number", "1", "5", "2", "on_close", "pie", "true"], "1 3 5".to_owned())
    );
    assert_eq!(forum.asked()[1]["topic_id"], 100);
    assert!(forum.vote("alice", "3"));
    host.advance(MINUTES);
    host.process_that(&location, "has been looked at", |one| one["outcome"]["votes"]["3"] == 0)
        .await;
    let closed = host.delete(&location).await.expect(200);
    assert_eq!(closed["outcome"]["votes"], json!({ "1": 0, "3": 1, "5": 0 }));
}

#[tokio::test]
async fn a_poll_ends_at_its_time_or_when_it_is_deleted() {
    let (host, forum) = scene().await;
    let years = SignedDuration::from_hours(24 * 365 * 100);
    let mut parameters = poll();
    parameters["title"] = "A poll of the bathroom".into();
    parameters["closing_at"] = (jiff::Timestamp::UNIX_EPOCH + years).to_string().into();
    let deleted = host.process("acme", "discourse.poll", poll()).await;
    let ended = host.process("acme", "discourse.poll", parameters).await;
    assert!(forum.vote("alice", "c"));
    host.action("acme", "discourse.delete-topic", json!({ "id": 100 })).await.expect(200);
    host.advance(MINUTES);
    let process =
        host.process_that(&deleted, "is completed", |one| one["status"] == "completed").await;
    assert_eq!(process["errors"]["code"], "vote_deleted");
    forum.advance(years);
    host.advance(HUNDRED_YEARS);
    let process =
        host.process_that(&ended, "is completed", |one| one["status"] == "completed").await;
    assert_eq!(process["outcome"]["votes"]["c"]["count"], 1);
}

const HUNDRED_YEARS: Duration = Duration::from_secs(100 * 365 * 86_400);
