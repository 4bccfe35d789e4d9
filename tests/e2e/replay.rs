//! A call that failed on a host is recorded there, repeated elsewhere, mended, and kept as a test; another version is tried
//! against what was recorded.

mod tracker;

use std::path::Path;

use moothall_tests::{Answer, Author, Driver, Receiver, Reply, TestHost, answer, curl, until};
use reqwest::Method;
use serde_json::{Value, json};

/// A secret of the configuration, which no recording may have.
const TOKEN: &str = "tok-1f9c27aa";
/// A token that the platform hands out.
const HANDED_OUT: &str = "handed-out-77aa";

/// A host with the plugin, and its platform.
struct TrackerHost {
    host: TestHost,
    platform: Receiver,
}

/// Builds the project as it is now; returns the component.
fn built(author: &Author, source: &str, out: &str) -> Vec<u8> {
    author.write("tracker/src/lib.rs", source);
    let file = author.path(out);
    let file = file.to_str().expect("a path of text");
    author.plugin("tracker", &["build", "--out", file]).succeeded();
    std::fs::read(file).expect("the component")
}

fn project(name: &str) -> Author {
    let author = Author::new(name);
    author.plugin("", &["new", "tracker", "--template", "webhook"]).succeeded();
    author
}

impl TrackerHost {
    /// Serves the component, whose calls are recorded by this rule.
    async fn new(component: &[u8], record: &str) -> Self {
        let platform = Receiver::start().await;
        let toml = format!(
            "[plugins.tracker]\nrecord = \"{record}\"\ngrants = {{ http = [\"config:/server_url\"], \
             cidr = [\"127.0.0.0/8\"], reveal = [\"/token\"] }}"
        );
        let host = TestHost::with(&[]).toml(&toml).start().await;
        host.put_plugin("tracker.wasm", component);
        until("it serves", async || {
            (host.file("tracker.wasm").await["status"] == "ready").then_some(())
        })
        .await;
        let config = json!({ "server_url": platform.url, "token": TOKEN });
        host.community("acme", "tracker", config).await;
        Self { host, platform }
    }

    async fn webhook(&self, number: u64, issue: Value) -> Answer {
        self.platform.script([Reply::Body(200, issue.to_string())]);
        let request = self.host.request(Method::POST, "/api/hooks/acme/tracker");
        answer(request.json(&json!({ "number": number }))).await
    }

    async fn fails(&self) -> Answer {
        let failed = self.webhook(8, json!({ "title": "Tea", "assignee": null })).await;
        assert_eq!(failed.status, 500, "{}", failed.text);
        failed
    }

    /// The newest recordings, once there are so many.
    async fn recorded(&self, count: usize) -> Vec<Value> {
        until("the calls are recorded", async || {
            let listed = self.host.get("/api/internal/recordings?plugin=tracker").await.expect(200);
            let listed = listed["recordings"].as_array().cloned().unwrap_or_default();
            (listed.len() >= count).then_some(listed)
        })
        .await
    }

    async fn recording(&self, id: &Value) -> Value {
        let id = id.as_str().expect("an id");
        self.host.get(&format!("/api/internal/recordings/{id}")).await.expect(200)
    }

    /// Whether any file of the database has this text.
    fn stores(&self, text: &str) -> bool {
        let files = std::fs::read_dir(self.host.data()).expect("the data directory");
        let files = files.map(|file| file.expect("a file").path());
        let mut of_database = files.filter(|path| path.to_string_lossy().contains("moothall.db"));
        of_database.any(|path| {
            let content = std::fs::read(path).expect("it can be read");
            content.windows(text.len()).any(|window| window == text.as_bytes())
        })
    }
}

fn issue(title: &str) -> Value {
    json!({ "title": title, "assignee": { "login": "ann" } })
}

#[tokio::test]
async fn a_failed_call_is_recorded_replayed_elsewhere_mended_and_kept_as_a_test() {
    let author = project("replay");
    let desk = TrackerHost::new(&built(&author, tracker::SOURCE, "tracker.wasm"), "failures").await;
    desk.webhook(7, issue("Coffee")).await.expect(200);
    let failed = desk.fails().await;
    let request = failed.header("x-request-id").to_owned();
    let [row] = &desk.recorded(1).await[..] else { panic!("only the failure is recorded") };
    assert_eq!((&row["code"], &row["request_id"]), (&json!("internal"), &json!(request)));
    assert_eq!(row["id"], failed.json()["call_id"]);
    let recording = desk.recording(&row["id"]).await;
    assert_eq!(recording, desk.recording(&json!(request)).await);
    let imports: Vec<_> = recording["imports"].as_array().expect("imports").iter().collect();
    let named: Vec<_> = imports.iter().filter_map(|one| one["import"].as_str()).collect();
    assert_eq!(named, ["state.get", "state.set", "secrets.get", "http.send"]);
    assert_eq!(imports[0]["answer"], json!({ "ok": "1" }));

    assert!(!desk.stores(TOKEN), "the database has the token sealed alone");

    let url = desk.host.url.clone();
    let saved = ["replay", request.as_str(), "--host", &url, "--save", "call.json"];
    author.plugin("", &saved).succeeded();
    let again = author.plugin("", &saved).failed_with(1);
    assert!(again.contains("call.json exists already"), "{again}");
    let other = [&saved[..4], &["--save", "other.json", "--json"]].concat();
    let said: Value = serde_json::from_str(&author.plugin("", &other).succeeded()).expect("JSON");
    assert_eq!(said, json!({ "call": row["id"], "file": "other.json" }));
    // From now on the call is elsewhere.
    drop(desk);
    let elsewhere = author.plugin("", &["replay", "call.json", "--with", "tracker.wasm"]);
    let said = elsewhere.succeeded();
    assert!(said.contains("called: the recorded file"), "{said}");
    assert!(said.contains("failed with internal: the platform's answer does not fit"), "{said}");
    assert!(said.contains("it ran as it was recorded, with the same 4 imports"), "{said}");

    // Kept before it is mended, the test fails.
    let said = author.plugin("tracker", &["replay", "../call.json", "--as-test"]).succeeded();
    assert!(said.contains("expects that the call succeeds, which it does not yet"), "{said}");
    let tested = author.plugin("tracker", &["test"]);
    assert!(
        tested.code == 1 && tested.stdout.contains("the platform's answer does not fit"),
        "{tested:?}"
    );

    let declared = author.read("tracker/src/lib.rs");
    let declared = declared.strip_prefix(tracker::SOURCE.trim_end()).expect("what was added");
    author.write("tracker/src/lib.rs", &(tracker::mended() + declared));
    let said = author.plugin("tracker", &["replay", "../call.json", "--as-test"]).succeeded();
    assert!(said.contains("called: another file than the recorded one"), "{said}");
    assert!(said.contains("it failed when it was recorded, and succeeds now"), "{said}");
    assert!(said.contains("expects what it returns now"), "{said}");
    let tested = author.plugin("tracker", &["test"]).succeeded();
    assert!(tested.contains("test replays::call_") && tested.contains("1 passed"), "{tested}");
    author.shell("tracker", "rustfmt --check --edition 2024 src/replays.rs").succeeded();

    author.write("tracker/src/lib.rs", &(tracker::SOURCE.to_owned() + declared));
    assert_eq!(author.plugin("tracker", &["test"]).code, 1, "without the mending it fails");
}

#[tokio::test]
async fn a_shadow_run_shows_what_another_version_would_do_differently() {
    let author = project("shadow");
    let desk = TrackerHost::new(&built(&author, tracker::SOURCE, "tracker.wasm"), "all").await;
    desk.webhook(7, issue("Coffee")).await.expect(200);
    desk.fails().await;
    let stamp = desk.host.result("acme", "tracker.stamp", json!({})).await;
    let listed = desk.recorded(3).await;
    let url = desk.host.url.clone();
    let shadow = |file: &str, more: &[&str]| {
        author.plugin("", &[&["shadow", file, "--host", &url], more].concat())
    };
    let said = shadow("tracker.wasm", &[]).succeeded();
    assert!(said.contains("3 calls repeated, 0 would differ"), "{said}");

    // The same clock and the same randomness.
    let id = listed[0]["id"].as_str().expect("an id");
    let again = ["replay", id, "--host", &url, "--with", "tracker.wasm", "--json"];
    let again: Value = serde_json::from_str(&author.plugin("", &again).succeeded()).expect("JSON");
    let returned = again["now"]["returned"]["output"].as_str().expect("a text");
    assert_eq!(serde_json::from_str::<Value>(returned).expect("JSON"), stamp);

    built(&author, &tracker::shouting(), "shouting.wasm");
    let shouting = shadow("shouting.wasm", &[]);
    assert_eq!(shouting.code, 1, "{shouting:?}");
    for words in [
        "effect 3",
        r#"recorded: events.emit("assigned", {"number":7,"title":"Coffee","login":"ann"}"#,
        r#"now:      events.emit("assigned", {"number":7,"title":"COFFEE","login":"ann"}"#,
        "3 calls repeated, 1 would differ",
    ] {
        assert!(shouting.stdout.contains(words), "{words}: {}", shouting.stdout);
    }

    built(&author, &tracker::mended(), "mended.wasm");
    let mended = shadow("mended.wasm", &["--json"]);
    let mended: Value = serde_json::from_str(&mended.stdout).expect("JSON");
    let is_mended = |call: &Value| call["mended"] == true;
    let calls = mended["calls"].as_array().expect("calls");
    assert_eq!(
        (&mended["differ"], calls.iter().filter(|one| is_mended(one)).count()),
        (&json!(1), 1)
    );
    assert_eq!(desk.platform.received().len(), 2, "no repetition sends anything");
}

#[tokio::test]
async fn while_a_plugin_is_developed_each_version_repeats_the_last_calls() {
    let author = Author::new("dev-replay");
    author.plugin("", &["new", "replayer"]).succeeded();
    let mut developing = author.dev_with("replayer", &["--replay", "5"]);
    let said = developing.says("serves at", 1).await;
    let url = said.split(' ').find(|word| word.starts_with("http://")).expect("a URL");
    let host = Driver::new(url.to_owned());
    host.result("dev", "replayer.greet", json!({ "name": "Ann" })).await;
    until("the call is recorded", async || {
        let listed = host.get("/api/internal/recordings").await.expect(200);
        (listed["recordings"] != json!([])).then_some(())
    })
    .await;
    let source = author.read("replayer/src/lib.rs");
    author.write("replayer/src/lib.rs", &source.replace("{}, {}!", "{}, dear {}!"));
    let said = developing.says("1 calls repeated, 1 would differ", 1).await;
    assert!(
        said.contains(r#"now:      returned {"text":"Hello, dear Ann!","greeted":1}"#),
        "{said}"
    );
    assert_eq!(developing.terminate(), Some(0));
}

#[tokio::test]
async fn the_commands_of_the_chapter_do_what_it_says() {
    let author = project("replay-chapter");
    let desk = TrackerHost::new(&built(&author, tracker::SOURCE, "tracker.wasm"), "failures").await;
    let call = desk.fails().await.json()["call_id"].as_str().expect("an id").to_owned();
    desk.recorded(1).await;
    let chapter = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/docs/replay.md");
    let chapter = std::fs::read_to_string(chapter).expect("the chapter");
    let mut run = Vec::new();
    for (language, lines) in curl::blocks(&chapter) {
        assert_eq!(language, "shell", "the chapter has only commands");
        if lines.contains("--as-test") {
            author.write("tracker/src/lib.rs", &tracker::mended());
        }
        let set = format!("HOST={} CALL={call}\n{lines}", desk.host.url);
        let ended = author.shell("tracker", &set);
        // The mended version does something else than the recorded one.
        let expected = i32::from(lines.contains("shadow"));
        assert_eq!(ended.code, expected, "{lines}: {ended:?}");
        run.push(ended.stdout);
    }
    assert!(run[0].contains(&call) && run[0].contains("failed: internal"), "{}", run[0]);
    assert!(run[1].contains("it ran as it was recorded"), "{}", run[1]);
    assert!(run[2].contains("expects what it returns now"), "{}", run[2]);
    assert!(run[3].contains("it failed, and would succeed"), "{}", run[3]);
}

#[tokio::test]
async fn no_recording_has_a_secret_and_a_call_that_revealed_one_cannot_be_replayed() {
    let author = project("secrets");
    let desk = TrackerHost::new(&built(&author, tracker::SOURCE, "tracker.wasm"), "all").await;
    // The platform sends back what it got.
    let echo = json!({ "title": format!("you are {TOKEN}"), "assignee": { "login": "ann" } });
    desk.webhook(7, echo).await.expect(200);
    assert_eq!(desk.platform.received()[0].header("authorization"), format!("Bearer {TOKEN}"));
    // This call does not ask for the token that turns up in it.
    let handed_out = json!({ "access_token": HANDED_OUT, "expires_in": 60, "instead_of": TOKEN });
    desk.platform.script([Reply::Body(200, handed_out.to_string())]);
    desk.host.result("acme", "tracker.renew", json!({})).await;
    desk.host.result("acme", "tracker.sign", json!({})).await;
    let listed = desk.recorded(3).await;
    for row in &listed {
        let recording = desk.recording(&row["id"]).await.to_string();
        assert!(!recording.contains(TOKEN) && !recording.contains(HANDED_OUT), "{recording}");
    }
    let told = listed[2]["id"].as_str().expect("an id");
    let stand_in = desk.recording(&listed[2]["id"]).await;
    assert!(stand_in.to_string().contains("you are __secret_1__"), "{stand_in}");
    // What guests wrote themselves, state and events, has it; no row of a recording does.
    let database = desk.host.database();
    let sql = "SELECT count(*) FROM recording WHERE content LIKE '%' || ?1 || '%'";
    for secret in [TOKEN, HANDED_OUT] {
        let count: i64 = database.query_row(sql, [secret], |row| row.get(0)).expect("a number");
        assert_eq!(count, 0, "{secret}");
    }
    let url = desk.host.url.clone();
    let replay =
        |id: &str| author.plugin("", &["replay", id, "--host", &url, "--with", "tracker.wasm"]);
    replay(told).succeeded();
    replay(listed[1]["id"].as_str().expect("an id")).succeeded();
    let revealed = replay(listed[0]["id"].as_str().expect("an id")).failed_with(1);
    assert!(revealed.contains("it revealed the secret `/token`"), "{revealed}");
    assert_eq!(listed[0]["not_replayable"].as_str().map(|one| one.contains("/token")), Some(true));
}
