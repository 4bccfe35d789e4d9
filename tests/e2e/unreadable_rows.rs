//! A row that cannot be read costs only itself: lists have the others and continue after it, and
//! work that waits behind it goes on. A text that is not UTF-8 stands for any damage.

use std::time::Duration;

use moothall_tests::guests::BACKSTAGE_GRANTS;
use moothall_tests::{Receiver, Reply, TestHost, answer, until};
use reqwest::Method;
use serde_json::{Value, json};

const WRONG: &str = "CAST(x'ff' AS TEXT)";

/// Damages the row that `which` names.
fn damage(host: &TestHost, table: &str, column: &str, which: &str) {
    let database = host.database();
    database.busy_timeout(Duration::from_secs(30)).expect("a connection");
    let sql = format!("UPDATE {table} SET {column} = {WRONG} WHERE {which}");
    assert_eq!(database.execute(&sql, []), Ok(1), "{sql}");
}

/// The ids of all rows of a list, read in pages of two.
async fn listed(host: &TestHost, path: &str, list: &str) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = host.get(&format!("{path}?limit=2{after}")).await.expect(200);
        let rows = page[list].as_array().expect("a list");
        all.extend(rows.iter().map(|row| row["id"].clone()));
        match &page["next"] {
            Value::Null => return all,
            Value::String(next) => after = format!("&after={next}"),
            next => after = format!("&after={next}"),
        }
        assert!(all.len() < 50, "the pages of {path} lead round in a circle");
    }
}

async fn publish(host: &TestHost, number: u32) {
    let event =
        json!({ "community": "acme", "source": "forum", "event_type": "posted", "data": number });
    host.post("/api/internal/events", event).await.expect(202);
}

async fn unreadable(host: &TestHost, table: &str) -> f64 {
    let metrics = host.get("/metrics").await.text;
    let name = format!("moothall_store_unreadable_rows_total{{table=\"{table}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
    line.and_then(|number| number.parse().ok()).unwrap_or(0.0)
}

#[tokio::test]
async fn a_page_has_all_rows_but_the_one_that_cannot_be_read() {
    let host = TestHost::with(&["probe"]).start().await;
    for community in ["acme", "beta", "gamma", "zeta"] {
        host.community(community, "probe", json!({})).await;
    }
    for number in 1..=5 {
        publish(&host, number).await;
        let vote = host.request(Method::POST, "/api/internal/process/probe.vote");
        answer(vote.header("X-Metagov-Community", "acme").json(&json!({}))).await.expect(202);
        let endpoint =
            json!({ "url": format!("https://e{number}.example/"), "event_types": ["none"] });
        host.post("/api/internal/endpoints", endpoint).await.expect(201);
        host.action("acme", "probe.spin", json!({ "ms": 100_000 }))
            .await
            .problem(504, "plugin_timeout");
    }
    // The list, its table, the order of its rows, and the column to damage.
    let lists = [
        ("/api/internal/events", "events", "event", 1, "event_type"),
        ("/api/internal/deliveries", "deliveries", "event", 2, "id"),
        ("/api/internal/process", "processes", "process", 1, "outcome"),
        ("/api/internal/process", "processes", "process", 3, "status"),
        ("/api/internal/endpoints", "endpoints", "endpoint", 1, "description"),
        ("/api/internal/calls", "calls", "failed_call", 1, "log"),
        ("/api/internal/schedules", "schedules", "schedule", 1, "last_error"),
    ];
    for (path, list, table, number, column) in lists {
        let before = listed(&host, path, list).await;
        let id = if matches!(table, "event" | "failed_call") { "position" } else { "id" };
        let row =
            format!("{id} = (SELECT {id} FROM {table} ORDER BY {id} LIMIT 1 OFFSET {number})");
        damage(&host, table, column, &row);
        let after = listed(&host, path, list).await;
        assert_eq!(after.len(), before.len() - 1, "{path}: {after:?} of {before:?}");
        assert!(after.iter().all(|one| before.contains(one)), "{path}: {after:?} of {before:?}");
    }
    for (table, count) in
        [("process", 2.0), ("endpoint", 1.0), ("failed_call", 1.0), ("schedule", 1.0)]
    {
        assert_eq!(unreadable(&host, table).await, count, "each row of {table} is counted once");
        let message = format!("of the table {table} cannot be read");
        until(&format!("each row of {table} is logged once"), async || {
            let lines = host.logs().lines().filter(|line| line.contains(&message)).count();
            (lines as f64 == count).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn an_endpoint_whose_headers_cannot_be_opened_is_left_out_of_the_list() {
    let host = TestHost::with(&[]).start().await;
    let endpoint = |name: &str| {
        let headers = json!({ "X-Key": "k" });
        json!({ "url": format!("https://{name}.example/"), "event_types": ["none"], "headers": headers })
    };
    let broken = host.post("/api/internal/endpoints", endpoint("a")).await.expect(201);
    let sound = host.post("/api/internal/endpoints", endpoint("b")).await.expect(201);
    let (id, sealed) = (broken["id"].as_str().expect("an id"), vec![0_u8; 40]);
    let database = host.database();
    let changed = database
        .execute("UPDATE endpoint SET headers = ?1 WHERE public_id = ?2", (sealed, id))
        .expect("it can be written");
    assert_eq!(changed, 1);
    let ids = listed(&host, "/api/internal/endpoints", "endpoints").await;
    assert!(ids.contains(&sound["id"]) && !ids.contains(&broken["id"]), "{ids:?}");
    assert_eq!(unreadable(&host, "endpoint").await, 1.0);
}

#[tokio::test]
async fn a_host_starts_without_the_rows_that_it_cannot_read() {
    let mut host = TestHost::with(&["probe"]).start().await;
    for community in ["acme", "beta"] {
        host.community(community, "probe", json!({})).await;
    }
    host.terminate();
    damage(
        &host,
        "instance",
        "config",
        "community_id = (SELECT id FROM community WHERE slug = 'beta')",
    );
    host.restart().await;
    host.action("acme", "probe.get", json!({ "key": "a" })).await.expect(200);
    host.action("beta", "probe.get", json!({ "key": "a" }))
        .await
        .problem(400, "plugin_not_enabled");
    assert!(host.logs().contains("of the table instance cannot be read"), "{}", host.logs());
    host.restart().await;
    let rows = host.database().query_row("SELECT count(*) FROM instance", [], |row| row.get(0));
    assert_eq!(rows, Ok(2), "what cannot be read is not taken for gone");
}

#[tokio::test]
async fn a_delivery_that_cannot_be_read_ends_and_its_lane_goes_on() {
    let receiver = Receiver::start().await;
    let host = TestHost::with(&[]).env("DRIVER_EVENT_RECEIVER_URL", &receiver.url).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    receiver.script([Reply::Held(200)]);
    for number in 1..=3 {
        publish(&host, number).await;
    }
    receiver.wait_for(1).await;
    damage(&host, "event", "event_type", "position = (SELECT max(position) - 1 FROM event)");
    receiver.let_go();
    receiver.wait_for(2).await;
    let received = receiver.received();
    assert_eq!(received[1].json()["data"], 3, "the one behind it goes on");
    let dead = until("the one that cannot be read has ended", async || {
        let page = host.get("/api/internal/deliveries?state=delivered").await.expect(200);
        (page["deliveries"].as_array()?.len() == 2).then_some(())
    });
    dead.await;
    let states = host.database();
    let state = states.query_row("SELECT state FROM delivery WHERE id = 2", [], |row| row.get(0));
    assert_eq!(state, Ok("dead".to_owned()));
    // Once the row is mended, the delivery is sent like any other.
    let mended = "UPDATE event SET event_type = 'posted' WHERE event_type <> 'posted'";
    assert_eq!(states.execute(mended, []), Ok(1));
    host.post("/api/internal/deliveries/2/resend", json!({})).await.expect(202);
    receiver.wait_for(3).await;
    assert_eq!(receiver.received()[2].json()["data"], 2);
}

#[tokio::test]
async fn a_webhook_that_cannot_be_read_is_a_dead_letter_and_the_next_is_tried() {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    let vote = host.request(Method::POST, "/api/internal/process/probe.vote");
    let vote = vote.header("X-Metagov-Community", "acme").json(&json!({ "fail": "webhook" }));
    let vote = answer(vote).await;
    vote.expect(202);
    for _ in 0..3 {
        let hook = host.request(Method::POST, "/api/hooks/acme/probe").header("x-probe", "none");
        assert_eq!(answer(hook).await.status, 200);
    }
    let webhooks =
        async || host.get("/api/internal/workers").await.expect(200)["workers"][0].clone();
    until("all wait", async || (webhooks().await["failing"] == 3).then_some(())).await;
    let first = |of: &str| format!("id = (SELECT {of} FROM webhook_item ORDER BY id LIMIT 1)");
    damage(&host, "webhook_request", "headers", &first("webhook_id"));
    damage(
        &host,
        "webhook_item",
        "last_error",
        "id = (SELECT id FROM webhook_item ORDER BY id LIMIT 1 OFFSET 1)",
    );
    let dead = until("two are dead letters", async || {
        host.advance(Duration::from_secs(10));
        let worker = webhooks().await;
        (worker["dead"] == 2).then_some(worker)
    })
    .await;
    let said = dead["dead_letters"][0]["last_error"].as_str().unwrap_or_default();
    assert!(said.contains("cannot be read"), "{dead}");
    let tried = until("the third is tried again", async || {
        host.advance(Duration::from_secs(10));
        let attempts = "SELECT attempts FROM webhook_item ORDER BY id DESC LIMIT 1";
        let attempts = host.database().query_row(attempts, [], |row| row.get::<_, i64>(0));
        attempts.is_ok_and(|attempts| attempts >= 2).then_some(())
    });
    tried.await;
}

#[tokio::test]
async fn a_tick_that_cannot_be_read_holds_up_no_other() {
    let toml = "[plugins.probe]\nevery = { producer = \"1s\" }";
    let host = TestHost::with(&["probe"]).toml(toml).start().await;
    host.community("acme", "probe", json!({})).await;
    host.community("beta", "probe", json!({})).await;
    let of = |slug: &str| {
        format!(
            "instance_id = (SELECT instance.id FROM instance JOIN community ON community.id = community_id \
             WHERE slug = '{slug}')"
        )
    };
    damage(&host, "schedule", "last_error", &of("acme"));
    let ticks = async || {
        host.result("beta", "probe.get", json!({ "key": "ticks" })).await["value"].as_u64()
    };
    let before = ticks().await.unwrap_or(0);
    until("the other ticks", async || (ticks().await.unwrap_or(0) > before + 1).then_some(()))
        .await;
}

#[tokio::test]
async fn workers_pass_an_event_that_cannot_be_read_and_give_up_one_that_waits() {
    let host = TestHost::with(&["backstage"]).toml(BACKSTAGE_GRANTS).start().await;
    host.community("acme", "backstage", json!({})).await;
    let emit = async |event_type: &str, data: Value| {
        let parameters = json!({ "event_type": event_type, "data": data, "times": 1 });
        host.action("acme", "backstage.emit", parameters).await.expect(200);
    };
    let ordered = async || {
        let state = host.result("acme", "backstage.get", json!({ "key": "ordered" })).await;
        state["value"].as_array().map_or(0, Vec::len)
    };
    // One event fails and delays the one behind it.
    emit("ordered", json!({ "worker": "write-and-fail" })).await;
    emit("ordered", json!({})).await;
    let waiting = "SELECT count(*) FROM worker_event WHERE state = 'waiting'";
    until("both wait", async || {
        let count = host.database().query_row(waiting, [], |row| row.get::<_, i64>(0));
        count.is_ok_and(|count| count >= 2).then_some(())
    })
    .await;
    assert_eq!(ordered().await, 0);
    damage(&host, "event", "data", "position = (SELECT min(position) FROM worker_event)");
    until("the one behind it is handled", async || {
        host.advance(Duration::from_secs(10));
        (ordered().await == 1).then_some(())
    })
    .await;
    let workers = host.get("/api/internal/workers?plugin=backstage").await.expect(200);
    let workers = workers["workers"].as_array().expect("a list");
    let orderly = workers.iter().find(|one| one["worker"] == "orderly").expect("the worker");
    let said = orderly["dead_letters"][0]["last_error"].as_str().unwrap_or_default();
    assert!(said.contains("cannot be read"), "{orderly}");
    emit("ordered", json!({})).await;
    until("later events are handled", async || (ordered().await == 2).then_some(())).await;
}

/// Stores a word in a column of one row.
fn set(host: &TestHost, table: &str, column: &str, word: &str, which: &str) {
    let database = host.database();
    database.busy_timeout(Duration::from_secs(30)).expect("a connection");
    let sql = format!("UPDATE {table} SET {column} = '{word}' WHERE {which}");
    assert_eq!(database.execute(&sql, []), Ok(1), "{sql}");
}

#[tokio::test]
async fn an_endpoint_with_an_unknown_word_gets_its_events_once_it_is_mended() {
    let (broken, sound) = (Receiver::start().await, Receiver::start().await);
    let host = TestHost::with(&[]).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    let mut ids = Vec::new();
    for receiver in [&broken, &sound] {
        let endpoint = json!({ "url": receiver.url, "event_types": ["*"] });
        let made = host.post("/api/internal/endpoints", endpoint).await.expect(201);
        ids.push(made["id"].as_str().expect("an id").to_owned());
    }
    let which = format!("public_id = '{}'", ids[0]);
    let all = listed(&host, "/api/internal/endpoints", "endpoints").await;
    for (column, word) in [("url_by", "api"), ("format", "standard"), ("ordering", "fifo")] {
        set(&host, "endpoint", column, "unheard-of", &which);
        let left = listed(&host, "/api/internal/endpoints", "endpoints").await;
        let others: Vec<_> = all.iter().filter(|id| **id != ids[0]).cloned().collect();
        assert_eq!(left, others, "{column}");
        set(&host, "endpoint", column, word, &which);
    }
    assert_eq!(unreadable(&host, "endpoint").await, 1.0, "the row is counted once");
    assert_eq!(listed(&host, "/api/internal/endpoints", "endpoints").await, all);

    set(&host, "endpoint", "format", "unheard-of", &which);
    publish(&host, 1).await;
    sound.wait_for(1).await;
    assert_eq!(broken.received().len(), 0);
    set(&host, "endpoint", "format", "metagov", &which);
    broken.wait_for(1).await;
    assert_eq!(broken.received()[0].json()["event_type"], "posted");
}

#[tokio::test]
async fn an_attempt_with_an_unknown_error_is_left_out() {
    let receiver = Receiver::start().await;
    let host = TestHost::with(&[]).env("DRIVER_EVENT_RECEIVER_URL", &receiver.url).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    receiver.script([Reply::Status(500)]);
    publish(&host, 1).await;
    until("the failure is stored", async || {
        let driver = host.get("/api/internal/endpoints/driver").await.expect(200);
        (driver["last_failure"]["error"] == "status").then_some(())
    })
    .await;
    let delivery = host.get("/api/internal/deliveries/1").await.expect(200);
    assert_eq!(delivery["attempts"][0]["error"], "status", "{delivery}");
    set(&host, "delivery_attempt", "error", "unheard-of", "attempt = 1");
    let driver = host.get("/api/internal/endpoints/driver").await.expect(200);
    assert_eq!(driver["last_failure"], Value::Null);
    let delivery = host.get("/api/internal/deliveries/1").await.expect(200);
    assert_eq!(delivery["attempts"], json!([]));
    assert_eq!(unreadable(&host, "delivery_attempt").await, 1.0);
}
