//! The plugin as the host calls it, without a host.

use moothall_sdk::serde_json::{Value, json};
use moothall_sdk::testing::{Answer, Host, ProcessStatus, webhook};

use crate::Discourse;

const FORUM: &str = "https://forum.example";

fn host() -> Host<Discourse> {
    // Also with the slash that people copy.
    let config = json!({
        "api_key": "k-1", "server_url": format!("{FORUM}/"), "webhook_secret": "sixteen or more bytes",
        "api_username": "bot"
    });
    Host::new(Discourse).config(config)
}

fn post() -> Value {
    json!({ "id": 1, "topic_id": 0, "topic_slug": "test", "post_number": 1, "username": "bot", "raw": "[poll]" })
}

fn with_poll(status: &str, votes: [Option<u64>; 2]) -> Value {
    let mut post = post();
    let option = |at: usize| {
        let html = ["a &amp; b", "c"][at];
        let mut option = json!({ "id": format!("d{at}"), "html": html });
        if let Some(votes) = votes[at] {
            option["votes"] = votes.into();
        }
        option
    };
    let poll = json!({ "name": "poll", "type": "regular", "status": status, "options": [option(0), option(1)] });
    post["polls"] = json!([poll]);
    post
}

fn begun(host: &mut Host<Discourse>) -> String {
    host.script("POST", &format!("{FORUM}/posts.json"), Answer::ok().json(&post()));
    let poll = json!({ "title": "a test poll", "options": ["a & b", "c"], "category": 8, "closing_at": "2100-04-22" });
    host.start("poll", poll).expect("a poll")
}

#[test]
fn enabling_learns_the_name_and_the_people() {
    let mut host = host()
        .answer(
            "GET",
            &format!("{FORUM}/about.json"),
            Answer::ok().json(&json!({ "about": { "title": "mine" } })),
        )
        .answer(
            "GET",
            &format!("{FORUM}/admin/users/list/active.json?page=1"),
            Answer::ok().json(&json!([{ "id": 1, "username": "alice" }])),
        )
        .answer(
            "GET",
            &format!("{FORUM}/admin/users/1.json"),
            Answer::ok()
                .json(&json!({ "id": 1, "username": "alice", "user_fields": { "1": "x" } })),
        );
    host.enable().expect("enabled");
    assert_eq!(
        (host.state("community_name"), host.state("users/1")),
        (Some(json!("mine")), Some(json!({ "1": "x" })))
    );
    let empty = Answer::ok().json(&json!([]));
    host.script("GET", &format!("{FORUM}/admin/users/list/active.json?page=2"), empty);
    host.tick().expect("everybody is known");
    host.tick().expect("nothing is asked");
    host.assert_answers_used();
    for sent in host.sent() {
        assert_eq!(
            (sent.header("api-key"), sent.header("api-username")),
            (Some("k-1"), Some("bot")),
            "{}",
            sent.url
        );
    }
}

#[test]
fn a_poll_is_written_as_the_forum_reads_it() {
    let mut host = host();
    begun(&mut host);
    let body: Value = moothall_sdk::serde_json::from_slice(&host.sent()[0].body).expect("JSON");
    let raw =
        "\n\n[poll type=regular close=2100-04-22T00:00:00Z]\n# a test poll\n* a & b\n* c\n[/poll]";
    assert_eq!(body, json!({ "raw": raw, "title": "a test poll", "category": 8 }));
}

#[test]
fn votes_are_those_of_the_driver_s_options_and_hidden_ones_are_none() {
    let mut host = host();
    let id = begun(&mut host);
    let looks = |host: &mut Host<Discourse>, post: &Value| {
        host.script("GET", &format!("{FORUM}/posts/1.json"), Answer::ok().json(post));
        host.update(&id).expect("it looks");
        let process = host.process(&id).expect("it is kept");
        (process.status, process.outcome["votes"].clone())
    };
    let votes = |a: u64, c: u64| json!({ "a & b": { "count": a, "users": [] }, "c": { "count": c, "users": [] } });
    assert_eq!(
        looks(&mut host, &with_poll("open", [None, None])),
        (ProcessStatus::Pending, votes(0, 0))
    );
    assert_eq!(
        looks(&mut host, &with_poll("open", [Some(10), Some(0)])),
        (ProcessStatus::Pending, votes(10, 0))
    );
    assert_eq!(
        looks(&mut host, &with_poll("closed", [Some(10), Some(35)])),
        (ProcessStatus::Completed, votes(10, 35))
    );
}

#[test]
fn a_voter_whom_the_forum_names_on_two_pages_is_one() {
    let mut host = host();
    let id = begun(&mut host);
    let mut post = with_poll("closed", [Some(51), Some(1)]);
    post["polls"][0]["preloaded_voters"] = json!({});
    host.script("GET", &format!("{FORUM}/posts/1.json"), Answer::ok().json(&post));
    let names = |numbers: std::ops::Range<u32>| -> Value {
        numbers.map(|number| json!({ "username": format!("voter{number}") })).collect()
    };
    let asked = format!("{FORUM}/polls/voters.json?post_id=1&poll_name=poll&limit=50");
    for (option, page, voters) in [
        ("d0", 1, json!({ "d0": names(0..50) })),
        ("d0", 2, json!({ "d0": names(49..51) })),
        ("d1", 1, Value::Null),
    ] {
        let url = asked.replace("&limit", &format!("&option_id={option}&limit"));
        let answer = Answer::ok().json(&json!({ "voters": voters }));
        host.script("GET", &format!("{url}&page={page}"), answer);
    }
    host.update(&id).expect("it looks");
    let votes = host.process(&id).expect("it is kept").outcome["votes"].clone();
    assert_eq!(votes["a & b"]["users"].as_array().map(Vec::len), Some(51));
    assert_eq!(votes["c"], json!({ "count": 1, "users": [] }), "withdrawn meanwhile");
    host.assert_answers_used();
}

#[test]
fn another_poll_in_the_driver_s_text_is_not_the_process_s() {
    let mut host = host();
    let id = begun(&mut host);
    let mut post = with_poll("open", [Some(2), Some(1)]);
    let other = json!({ "name": "other", "status": "closed", "options": [] });
    post["polls"] = json!([other, post["polls"][0]]);
    host.script("GET", &format!("{FORUM}/posts/1.json"), Answer::ok().json(&post));
    host.update(&id).expect("it looks");
    let process = host.process(&id).expect("it is kept");
    assert_eq!(
        (process.status, &process.outcome["votes"]["a & b"]["count"]),
        (ProcessStatus::Pending, &json!(2))
    );
}

#[test]
fn closing_asks_the_forum_only_for_what_is_open() {
    for (status, asked) in [("open", 3), ("closed", 2)] {
        let mut host = host();
        let id = begun(&mut host);
        host.script(
            "GET",
            &format!("{FORUM}/posts/1.json"),
            Answer::ok().json(&with_poll(status, [Some(1), Some(2)])),
        );
        let closed = json!({ "poll": with_poll("closed", [Some(1), Some(3)])["polls"][0] });
        host.script(
            "PUT",
            &format!("{FORUM}/polls/toggle_status.json"),
            Answer::ok().json(&closed),
        );
        host.close(&id).expect("closed");
        assert_eq!(host.sent().len(), asked);
        if let Some(toggled) = host.sent().get(2) {
            assert_eq!(toggled.text(), "post_id=1&poll_name=poll&status=closed");
        }
    }
}

#[test]
fn tags_are_names_also_where_the_forum_says_more() {
    let mut host = host();
    let topic = json!({
        "id": 1, "slug": "test", "title": "A test", "category_id": 8, "created_by": { "username": "alice" },
        "tags": ["old", { "id": 3, "name": "new", "slug": "new" }]
    });
    let webhook = webhook(&json!({ "topic": topic })).with_header("X-Discourse-Instance", FORUM);
    host.webhook(webhook.with_header("X-Discourse-Event", "topic_created")).expect("its own");
    assert_eq!(host.events()[0].data["tags"], json!(["old", "new"]));
}

#[test]
fn a_poll_whose_time_has_come_is_not_closed_again() {
    let mut host = host();
    let id = begun(&mut host);
    let mut post = with_poll("open", [Some(1), Some(2)]);
    post["polls"][0]["close"] = "2020-01-31T12:00:00.000Z".into();
    host.script("GET", &format!("{FORUM}/posts/1.json"), Answer::ok().json(&post));
    host.close(&id).expect("closed");
    assert_eq!(host.sent().len(), 2);
}

#[test]
fn a_webhook_of_another_forum_is_refused() {
    let mut host = host();
    let told = |from: &str| {
        let webhook = webhook(
            &json!({ "user": { "id": 1, "username": "alice", "user_fields": { "1": "x" } } }),
        );
        webhook
            .with_header("X-Discourse-Instance", from)
            .with_header("X-Discourse-Event", "user_updated")
    };
    assert!(host.webhook(told("https://elsewhere.example")).is_err());
    host.webhook(told(FORUM)).expect("its own");
    host.webhook(told(FORUM)).expect("the same once more");
    let data: Vec<&Value> = host.events().iter().map(|event| &event.data).collect();
    let told = json!({ "id": 1, "username": "alice", "user_fields": { "1": "x" }, "old_user_fields": null });
    assert_eq!(data, [&told]);
}
