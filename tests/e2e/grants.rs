//! What a plugin does to others only with its operator's grant: steps of hooks that are not its own, events
//! and accounts of others, host scope. What is not granted is told, and the rest of the plugin serves.

use std::time::Duration;

use moothall_tests::{TestHost, crafted, until};
use serde_json::{Value, json};

const ACTION: &str = "/api/internal/hooks/org.moothall.action.requested.v1";

async fn backstage(toml: &str) -> TestHost {
    let host = TestHost::with(&["backstage"]).toml(toml).start().await;
    host.community("acme", "backstage", json!({})).await;
    host
}

fn granted(grants: &str) -> String {
    format!("[plugins.backstage]\ngrants = {{ {grants} }}\n")
}

/// The status of an action whose filter would prevent it.
async fn prevented(host: &TestHost) -> u16 {
    let exception = json!({ "name": "PreventAction", "message": "no" });
    let filter = json!({ "do": "halt", "exception": exception });
    host.action("acme", "backstage.echo", json!({ "filter": filter })).await.status
}

/// What is missing of one kind.
async fn missing(host: &TestHost, file: &str, grant: &str) -> Value {
    let listed = host.file(file).await;
    let missing = listed["missing"].as_array().cloned().unwrap_or_default();
    missing.into_iter().find(|one| one["grant"] == grant).unwrap_or_default()
}

#[tokio::test]
async fn a_filter_is_a_step_of_the_hosts_hook_only_while_that_is_granted() {
    let mut host = backstage("").await;
    assert_eq!(prevented(&host).await, 200, "nobody was asked");
    assert_eq!(host.get(ACTION).await.expect(200)["steps"], json!([]));
    let lacking = missing(&host, "backstage.wasm", "hooks").await;
    assert_eq!(lacking["values"], json!(["org.moothall.action.requested.v1"]));
    let line = lacking["line"].as_str().unwrap_or_default();
    assert!(
        line.starts_with("add `grants = { hooks = [\"action.requested\"], events = ["),
        "{line}"
    );
    assert!(line.ends_with("}` under [plugins.backstage] in moothall.toml"), "{line}");
    let listed = host.file("backstage.wasm").await;
    assert_eq!(listed["status"], "ready", "it serves without");
    assert!(listed["warnings"].to_string().contains("hooks = ["), "{listed}");
    assert!(host.logs().contains("which is not granted"), "the log says it");
    // Its own hook is its own.
    let own = "/api/internal/hooks/org.example.registration.requested.v1";
    assert_eq!(host.get(own).await.expect(200)["steps"][0]["id"], "plugin:backstage");
    // Neither can a driver make it one.
    let step = json!({ "kind": "plugin", "target": "backstage" });
    let refused = host.post(&format!("{ACTION}/steps"), step.clone()).await;
    let detail = refused.problem(422, "unusable_setting");
    assert!(detail.contains("hooks = [\"action.requested\"]"), "{detail}");

    for name in ["action.requested", "org.moothall.action.requested.v1"] {
        host.set_toml(&granted(&format!("hooks = [\"{name}\"]")));
        host.reload();
        until("it is asked", async || (prevented(&host).await == 403).then_some(())).await;
        assert_eq!(missing(&host, "backstage.wasm", "hooks").await, Value::Null);
        host.set_toml("");
        host.reload();
        until("it is asked no more", async || (prevented(&host).await == 200).then_some(())).await;
    }
}

#[tokio::test]
async fn a_step_that_a_driver_added_runs_only_while_it_is_granted() {
    let mut host = backstage(&granted("hooks = [\"action.requested\"]")).await;
    let step = json!({ "kind": "plugin", "target": "backstage", "fail_silently": true });
    host.post(&format!("{ACTION}/steps"), step).await.expect(201);
    assert_eq!(prevented(&host).await, 403);
    host.set_toml("");
    host.restart().await;
    assert_eq!(prevented(&host).await, 200);
    let run = json!({ "community": "acme", "data": { "parameters": {} } });
    let outcome = host.post(&format!("{ACTION}/run"), run).await.expect(200);
    let warnings = outcome["trace"][0]["warnings"].to_string();
    assert!(warnings.contains("action.requested"), "{outcome}");
}

#[tokio::test]
async fn a_hook_that_a_driver_declared_is_not_taken_over_by_a_file() {
    let host = TestHost::with(&[]).start().await;
    let path = "/api/internal/hooks/org.example.registration.requested.v1";
    host.put(path, json!({ "sensitive": ["/form"] })).await.expect(201);
    host.put_guest("backstage");
    until("the plugin serves", async || {
        (host.file("backstage.wasm").await["status"] == "ready").then_some(())
    })
    .await;
    host.community("acme", "backstage", json!({})).await;
    // Its other hook shows that the hooks were read again.
    until("its hooks are there", async || {
        let other = host.get("/api/internal/hooks/org.example.course.listed.v1").await;
        (other.status == 200).then_some(())
    })
    .await;
    let hook = host.get(path).await.expect(200);
    assert_eq!((&hook["declared_by"], &hook["steps"]), (&json!("driver"), &json!([])));
    assert_eq!(hook["sensitive"], json!(["/form"]));
}

async fn state(host: &TestHost, key: &str) -> Value {
    host.result("acme", "backstage.get", json!({ "key": key })).await["value"].clone()
}

async fn publish(host: &TestHost, data: Value) {
    let event = json!({ "community": "acme", "event_type": "note", "data": data });
    host.post("/api/internal/events", event).await.expect(202);
}

/// Data of what its worker handled, once so many were.
async fn handled(host: &TestHost, count: usize) -> Vec<Value> {
    until("they are handled", async || {
        let handled = state(host, "handled").await.as_array().cloned().unwrap_or_default();
        (handled.len() >= count).then(|| handled.iter().map(|one| one["data"].clone()).collect())
    })
    .await
}

async fn recorder(host: &TestHost) -> Value {
    let all = host.get("/api/internal/workers?plugin=backstage").await.expect(200);
    let all = all["workers"].as_array().cloned().unwrap_or_default();
    all.into_iter().find(|one| one["worker"] == "recorder").unwrap_or_default()
}

async fn emit_own(host: &TestHost, number: u64) {
    let own = json!({ "event_type": "note", "data": { "own": number } });
    host.action("acme", "backstage.emit", own).await.expect(200);
}

#[tokio::test]
async fn a_worker_hears_others_events_only_with_a_grant() {
    let mut host = backstage("").await;
    // In the order of the log: what came before its own was not for it.
    publish(&host, json!({ "of": "driver" })).await;
    host.put_community("other", json!([])).await.expect(201);
    host.put_community("acme", json!([{ "name": "backstage", "config": {} }])).await.expect(200);
    // Workers have their turns side by side: with the second one, another would have come to the first.
    for own in [0, 1] {
        emit_own(&host, own).await;
        handled(&host, 1 + own as usize).await;
    }
    let own = |own: u64| json!({ "own": own, "number": 0 });
    assert_eq!(handled(&host, 2).await, [own(0), own(1)]);
    assert_eq!(state(&host, "sent").await, Value::Null);
    let lacking = missing(&host, "backstage.wasm", "events").await;
    let patterns = json!(["api.change", "driver:counted", "driver:note", "sending_event"]);
    assert_eq!(lacking["values"], patterns);

    host.set_toml(&granted("events = [\"driver:n*\", \"api.change\", \"sending_event\"]"));
    host.reload();
    until("it is granted", async || {
        let lacking = missing(&host, "backstage.wasm", "events").await;
        (lacking["values"] == json!(["driver:counted"])).then_some(())
    })
    .await;
    until("what plugins emit is told too", async || {
        emit_own(&host, 2).await;
        (state(&host, "sent").await != Value::Null).then_some(())
    })
    .await;
    publish(&host, json!({ "of": "driver" })).await;
    host.put_community("acme", json!([{ "name": "backstage", "config": {} }])).await.expect(200);
    until("the driver's event and the change are handled", async || {
        let handled = state(&host, "handled").await.to_string();
        (handled.contains("\"of\":\"driver\"") && handled.contains("\"method\":\"PUT\""))
            .then_some(())
    })
    .await;
    // One that failed waits to be tried again.
    publish(&host, json!({ "worker": "fail" })).await;
    until("it has failed", async || (recorder(&host).await["retries"] != json!([])).then_some(()))
        .await;
    host.set_toml("");
    host.restart().await;
    host.advance(Duration::from_secs(2 * 60 * 60));
    let dead = until("it is given up", async || {
        let worker = recorder(&host).await;
        (worker["dead"] == 1).then(|| worker["dead_letters"].to_string())
    })
    .await;
    assert!(dead.contains("events = [\\\"driver:note\\\"]"), "{dead}");
    publish(&host, json!({ "of": "driver, late" })).await;
    emit_own(&host, 3).await;
    let handled = until("its own is handled", async || {
        let handled = state(&host, "handled").await.to_string();
        handled.contains("\"own\":3").then_some(handled)
    })
    .await;
    assert!(!handled.contains("late"), "it is not granted any more");
}

const IDENTITY: &str = "/api/internal/identity";

async fn consent(toml: &str) -> TestHost {
    let host = TestHost::with(&["consent", "probe"]).toml(toml).start().await;
    let plugins = json!([{ "name": "consent", "config": { "token": "t" } }, { "name": "probe" }]);
    host.put_community("acme", plugins).await.expect(201);
    host
}

/// Links an account of the platform `probe` for a driver; the person.
async fn link_probe(host: &TestHost) -> i64 {
    let ids = json!({ "community_slug": "acme", "count": 1 });
    let ids = host.post(&format!("{IDENTITY}/create_id"), ids).await.expect(201);
    let account = json!({
        "external_id": ids[0], "community_slug": "acme", "platform_type": "probe",
        "platform_identifier": "U1", "link_quality": "unconfirmed",
    });
    host.post(&format!("{IDENTITY}/link_account"), account).await.expect(200);
    ids[0].as_i64().expect("a number")
}

async fn accounts_of(host: &TestHost, person: i64) -> usize {
    let user = host.result("acme", "consent.user", json!({ "external_id": person.to_string() }));
    user.await["linked_accounts"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn accounts_of_other_platforms_are_a_plugins_only_with_a_grant() {
    let mut host = consent("").await;
    let person = link_probe(&host).await;
    let of_probe = json!({
        "platform_type": "probe", "platform_identifier": "U1", "link_quality": "confirmed (strong)",
    });
    for action in ["consent.link", "consent.unlink", "consent.find"] {
        let refused = host.action("acme", action, of_probe.clone()).await;
        let detail = refused.problem(403, "forbidden");
        let line = "`grants = { accounts = [\"probe\"] }` under [plugins.consent] in moothall.toml";
        assert!(detail.contains(line), "{action}: {detail}");
    }
    assert_eq!(accounts_of(&host, person).await, 0, "it sees none of them");

    for platform in ["probe", "*"] {
        let toml = format!("[plugins.consent]\ngrants = {{ accounts = [\"{platform}\"] }}");
        host.set_toml(&toml);
        host.restart().await;
        assert_eq!(accounts_of(&host, person).await, 1);
        let found = host.result("acme", "consent.find", of_probe.clone()).await;
        assert_eq!(found["external_id"], json!(person.to_string()));
    }
    let linked = host.result("acme", "consent.link", of_probe).await;
    assert_eq!(linked["link_quality"], "confirmed (strong)");
}

#[tokio::test]
async fn a_version_that_asks_for_more_serves_without_it() {
    let plugin = |version: &str, requests: Value| {
        let manifest = json!({
            "name": "growing", "version": version, "requests": requests, "actions": [{ "slug": "act" }],
        });
        crafted::plugin(&manifest, crafted::ANSWER_NOTHING)
    };
    let host = TestHost::with(&[]).start().await;
    host.put_plugin("growing.wasm", &plugin("1.0.0", json!({})));
    until("it serves", async || {
        (host.file("growing.wasm").await["status"] == "ready").then_some(())
    })
    .await;
    host.community("acme", "growing", json!({})).await;
    assert_eq!(host.file("growing.wasm").await["missing"], json!([]));
    let more = json!({ "accounts": ["discord"], "http": ["api.example.com"] });
    host.put_plugin("growing.wasm", &plugin("2.0.0", more));
    let listed = until("the next version serves", async || {
        let listed = host.file("growing.wasm").await;
        (listed["serving"]["version"] == "2.0.0").then_some(listed)
    })
    .await;
    assert_eq!(listed["status"], "ready");
    assert_eq!(listed["requested"]["accounts"], json!(["discord"]));
    assert_eq!(listed["granted"]["accounts"], json!([]));
    let grants: Vec<_> = listed["missing"].as_array().into_iter().flatten().collect();
    let kinds: Vec<_> = grants.iter().map(|one| one["grant"].as_str()).collect();
    assert_eq!(kinds, [Some("http"), Some("accounts")], "{listed}");
    assert_eq!(listed["warnings"].as_array().map(Vec::len), Some(1), "{listed}");
    host.action("acme", "growing.act", json!({})).await.expect(200);
}

#[tokio::test]
async fn a_plugin_of_host_scope_is_none_until_the_operator_says_so() {
    let settings = "[plugins.resident]\nsettings = { label = \"blue\" }\n";
    let mut host = TestHost::with(&["resident"]).toml(settings).start().await;
    let route = "/api/plugins/resident/count";
    host.get(route).await.problem(503, "not_ready");
    let listed = host.file("resident.wasm").await;
    assert_eq!(
        (&listed["status"], &listed["granted"]["scope"]),
        (&json!("ready"), &json!("community"))
    );
    let lacking = missing(&host, "resident.wasm", "scope").await;
    assert_eq!(lacking["line"], "add `scope = \"host\"` under [plugins.resident] in moothall.toml");
    let schedules = host.get("/api/internal/schedules").await.expect(200);
    assert_eq!(schedules["schedules"], json!([]), "there is no instance of it");

    host.set_toml(&format!("{settings}scope = \"host\"\n"));
    host.reload();
    until("it is set up", async || (host.get(route).await.status == 200).then_some(())).await;
    assert_eq!(missing(&host, "resident.wasm", "scope").await, Value::Null);

    // What it kept stays, and nothing of it is called.
    host.set_toml(settings);
    host.reload();
    until("it is called no more", async || (host.get(route).await.status == 503).then_some(()))
        .await;
    host.terminate();
    host.set_toml(&format!("{settings}scope = \"host\"\n"));
    host.restart().await;
    let begun = host.get("/api/plugins/resident/state/initialized").await.expect(200);
    assert_eq!(begun, 2, "it is the same instance");
    let closed = host.get("/api/plugins/resident/state/closed").await.expect(200);
    assert_eq!(closed, Value::Null, "it was not called at the end either");
}

#[tokio::test]
async fn development_grants_what_manifests_ask_for() {
    let toml = "grant_requested = true\n[plugins.resident]\nsettings = { label = \"blue\" }";
    let host = TestHost::with(&["backstage", "resident"]).toml(toml).start().await;
    host.community("acme", "backstage", json!({})).await;
    assert_eq!(prevented(&host).await, 403);
    publish(&host, json!({ "of": "driver" })).await;
    assert_eq!(handled(&host, 1).await[0]["of"], "driver");
    until("it is set up", async || {
        (host.get("/api/plugins/resident/count").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(host.file("backstage.wasm").await["missing"], json!([]));
    let lacking = host.file("resident.wasm").await["missing"].clone();
    assert_eq!(lacking[0]["grant"], "tcp", "which reaches private addresses: {lacking}");
}

/// The log is written by a thread of its own.
async fn logged(host: &TestHost, words: &[&str]) {
    let is_told =
        |line: &str| line.contains("WARN") && words.iter().all(|word| line.contains(word));
    until(&format!("{words:?} are in the log"), async || {
        host.logs().lines().any(is_told).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_mistyped_in_a_manifest_or_a_grant_is_a_warning_that_names_what_was_meant() {
    let toml = "[plugins.doubtful]\ngrants = { reveal = [\"/api_key\"], tcp = [\"redis:6379\"] }\n\
                [plugins.narrow]\ngrants = { http = [\"other.example\"], hooks = [\"action.requested\"] }\nscope = \"host\"";
    let host = TestHost::with(&[]).toml(toml).start().await;
    let manifest = json!({
        "name": "doubtful",
        "config_schema": { "type": "object", "properties": {
            "api_key": { "type": "string", "writeOnly": true }, "team": { "type": "string" },
            "server_url": { "type": "string" },
        } },
        "settings_schema": { "type": "object", "properties": { "client_secret": {} } },
        "verify": { "scheme": "hmac-sha256", "secret": "/nope", "header": "x-signature" },
        "global_verify": { "scheme": "slack-v0", "secret": "settings:client_secrets" },
        "route_keys": ["/teem"],
        "requests": { "reveal": ["/api_kye"], "http": ["config:/server", "example.com"] },
        "actions": [{ "slug": "do" }],
    });
    host.put_plugin("doubtful.wasm", &crafted::plugin(&manifest, crafted::ANSWER_NOTHING));
    let listed = until("the plugin serves", async || {
        let file = host.file("doubtful.wasm").await;
        (file["status"] == "ready").then_some(file)
    })
    .await;
    let narrow = json!({ "name": "narrow", "requests": { "http": ["example.com"] } });
    host.put_plugin("narrow.wasm", &crafted::plugin(&narrow, crafted::ANSWER_NOTHING));
    let other = until("the other plugin serves", async || {
        let file = host.file("narrow.wasm").await;
        (file["status"] == "ready").then_some(file)
    })
    .await;
    let both = [&listed, &other].into_iter().filter_map(|file| file["warnings"].as_array());
    let warnings: Vec<&str> = both.flatten().filter_map(Value::as_str).collect();
    for words in [
        &["verify.secret", "`/nope`"][..],
        &["global_verify.secret", "`settings:client_secrets`", "`settings:client_secret`?"],
        &["route_keys", "`/teem`", "did you mean `/team`?"],
        &["requests.reveal", "`/api_kye`", "did you mean `/api_key`?"],
        &["requests.http", "`config:/server`", "did you mean `config:/server_url`?"],
        &["grants reveal `/api_key`", "does not ask for", "did you mean `/api_kye`?"],
        &["grants http `other.example`", "does not ask for"],
        &["grants tcp `redis:6379`", "does not ask for"],
        &["grants hooks `action.requested`", "does not ask for"],
        &["grants `scope = \"host\"`", "does not ask for"],
    ] {
        let is_told = |text: &&str| words.iter().all(|word| text.contains(word));
        let warning = warnings.iter().find(|text| is_told(text));
        assert!(warning.is_some(), "{words:?} in {warnings:#?}");
        logged(&host, words).await;
    }
}

#[tokio::test]
async fn names_under_a_plugin_that_it_does_not_have_are_warnings() {
    let toml = "[plugins.loose]\nsettings = { client_idd = \"x\", deep = { hostt = \"y\" } }\n\
                every = { prodcer = \"30s\", votte = \"1m\", vote = \"2m\" }";
    let host = TestHost::with(&[])
        .toml(toml)
        .env("MOOTHALL_PLUGINS__LOOSE__SETTINGS__TEEM", "z")
        .start()
        .await;
    let manifest = json!({
        "name": "loose",
        "settings_schema": { "type": "object", "properties": {
            "client_id": { "type": "string" }, "team": { "type": "string" },
            "deep": { "type": "object", "properties": { "host": {} } },
        } },
        "config_schema": { "type": "object", "properties": { "api_key": { "type": "string", "writeOnly": true } } },
        "handshakes": [
            { "query": "challenge", "answer": "hmac", "secret": "/api_kye" },
            { "method": "POST", "query": "token", "answer": "hmac", "secret": "settings:teams" },
        ],
        "requests": { "http": ["example.com"], "reveal": ["/api_key"] },
        "actions": [{ "slug": "do" }],
    });
    host.put_plugin("loose.wasm", &crafted::plugin(&manifest, crafted::ANSWER_NOTHING));
    let listed = until("it is looked at", async || {
        let file = host.file("loose.wasm").await;
        (file["status"] == "ready" || file["status"] == "failed").then_some(file)
    })
    .await;
    let warnings: Vec<&str> =
        listed["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for words in [
        &["settings of [plugins.loose]", "`/client_idd`", "did you mean `/client_id`?"][..],
        &["settings of [plugins.loose]", "`/deep/hostt`", "did you mean `/deep/host`?"],
        &["the variable MOOTHALL_PLUGINS__LOOSE__SETTINGS__TEEM", "did you mean `/team`?"],
        &["every", "`prodcer`"],
        &["every", "`votte`"],
        &["handshakes.secret", "`/api_kye`", "did you mean `/api_key`?"],
        &["handshakes.secret", "`settings:teams`", "did you mean `settings:team`?"],
    ] {
        let is_told = |text: &&str| words.iter().all(|word| text.contains(word));
        assert!(warnings.iter().any(is_told), "{words:?} in {listed:#}");
        logged(&host, words).await;
    }
}

#[tokio::test]
async fn the_line_for_what_is_missing_can_be_written_as_it_is() {
    let scope = "scope = \"host\"";
    let before = "[plugins.wanting]\ngrants = { http = [\"a.example\"] }";
    let mut host = TestHost::with(&[]).toml(before).start().await;
    let manifest = json!({
        "name": "wanting",
        "scope": "host",
        "config_schema": { "type": "object", "properties": { "api_key": { "type": "string", "writeOnly": true } } },
        "requests": { "http": ["a.example", "b.example"], "reveal": ["/api_key"], "accounts": ["discord"] },
        "actions": [{ "slug": "do" }],
    });
    host.put_plugin("wanting.wasm", &crafted::plugin(&manifest, crafted::ANSWER_NOTHING));
    let of_file = async |host: &TestHost| {
        until("the plugin serves", async || {
            let file = host.file("wanting.wasm").await;
            (file["status"] == "ready").then_some(file)
        })
        .await
    };
    let listed = of_file(&host).await;
    let warnings = listed["warnings"].to_string();
    assert_eq!(warnings.matches("grants = {").count(), 1, "one line with all: {warnings}");
    let said = listed["missing"][0]["line"].as_str().expect("a line");
    let line = said.split('`').find(|part| part.starts_with("grants = {")).expect("a line of TOML");
    host.set_toml(&format!("[plugins.wanting]\n{line}\n{scope}"));
    host.restart().await;
    let listed = of_file(&host).await;
    assert_eq!(listed["missing"], json!([]), "{listed}");
    assert_eq!(listed["granted"]["http"], json!(["a.example", "b.example"]), "{listed}");
}

#[tokio::test]
async fn what_is_right_is_no_warning() {
    let host = TestHost::with(&["probe", "signed", "backstage"])
        .toml(moothall_tests::guests::BACKSTAGE_GRANTS)
        .toml("[plugins.probe]\ngrants = { reveal = [\"/token\"], http = [\"config:/server_url\"], cidr = [\"127.0.0.0/8\"] }")
        .start()
        .await;
    for file in ["probe.wasm", "signed.wasm", "backstage.wasm"] {
        let warnings = host.file(file).await["warnings"].clone();
        let warnings = json!(warnings.as_array().expect("a list")).to_string();
        for doubt in ["does not have", "does not ask for", "matches nothing", "no object"] {
            assert!(!warnings.contains(doubt), "{file}: {warnings}");
        }
    }
}
