//! API keys: which scope each route needs, and how keys are made, rotated, revoked and end.

use std::collections::BTreeSet;
use std::time::Duration;

use moothall_tests::{Answer, Driver, TestHost, answer, until};
use reqwest::Method;
use serde_json::{Value, json};

const KEYS: &str = "/api/internal/keys";
const SCOPES: [&str; 5] = ["read", "drive", "operate", "metrics", "admin"];

/// The scope that each operation needs. One that is missing here fails the test.
const NEEDED: [(&str, &str); 71] = [
    ("addStep", "operate"),
    ("changeEndpoint", "operate"),
    ("changeStep", "operate"),
    ("closeProcess", "drive"),
    ("createCommunity", "operate"),
    ("createEndpoint", "operate"),
    ("createKey", "admin"),
    ("createPeople", "drive"),
    ("deleteCommunity", "operate"),
    ("deleteEndpoint", "operate"),
    ("deleteHook", "operate"),
    ("deleteStep", "operate"),
    ("disablePlugin", "operate"),
    ("enablePlugin", "operate"),
    ("filterPeopleByAccount", "read"),
    ("getCommunity", "read"),
    ("getDelivery", "read"),
    ("getEndpoint", "read"),
    ("getFailedCall", "read"),
    ("getHook", "read"),
    ("getLinkedAccount", "read"),
    ("getMetrics", "metrics"),
    ("getOpenApi", "read"),
    ("getPerson", "read"),
    ("getPluginMetadata", "read"),
    ("getProcess", "read"),
    ("getRecording", "read"),
    ("getStep", "read"),
    ("getViewerFile", "read"),
    ("linkAccount", "drive"),
    ("listActions", "read"),
    ("listCommunities", "read"),
    ("listCommunityEventTypes", "read"),
    ("listConfigSchemas", "read"),
    ("listDeliveries", "read"),
    ("listEndpoints", "read"),
    ("listEvents", "read"),
    ("listEventTypes", "read"),
    ("listFailedCalls", "read"),
    ("listHooks", "read"),
    ("listKeys", "admin"),
    ("listPeople", "read"),
    ("listPlugins", "read"),
    ("listProcesses", "read"),
    ("listProcessTypes", "read"),
    ("listRecordings", "read"),
    ("listSchedules", "read"),
    ("listSteps", "read"),
    ("listWebhookUrls", "read"),
    ("listWorkers", "read"),
    ("mergePeople", "drive"),
    ("openDocs", "read"),
    ("openRoot", "read"),
    ("openViewer", "read"),
    ("performAction", "drive"),
    ("pingEndpoint", "operate"),
    ("publishChange", "drive"),
    ("publishEvent", "drive"),
    ("putCommunity", "operate"),
    ("putHook", "operate"),
    ("recoverDeliveries", "operate"),
    ("resendDelivery", "operate"),
    ("revokeKey", "admin"),
    ("rotateEndpointSecret", "operate"),
    ("rotateKey", "admin"),
    ("runHook", "drive"),
    ("settleDeadEvents", "operate"),
    ("settleDeadWebhooks", "operate"),
    ("startAuthorization", "drive"),
    ("startProcess", "drive"),
    ("unlinkAccount", "drive"),
];

/// The plugin's actions and processes have operations of their own.
fn is_of_plugin(id: &str) -> bool {
    id.starts_with("performTutorial") || id.starts_with("startTutorial")
}

fn needed(id: &str) -> Option<&'static str> {
    let known = NEEDED.iter().find(|(known, _)| *known == id).map(|(_, scope)| *scope);
    known.or_else(|| is_of_plugin(id).then_some("drive"))
}

/// Whether a key with one scope may use a route that needs the other, as the operators' page says.
fn includes(scope: &str, needed: &str) -> bool {
    let included: &[&str] = match scope {
        "admin" => &SCOPES,
        "operate" => &["operate", "drive", "read"],
        "drive" => &["drive", "read"],
        other => return other == needed,
    };
    included.contains(&needed)
}

async fn tutorial() -> TestHost {
    let host = TestHost::with(&["tutorial"]).start().await;
    host.community("acme", "tutorial", json!({ "api_key": "k" })).await;
    host
}

/// A host with an admin key, which it knows already, and a client with that key.
async fn administered(host: TestHost) -> (TestHost, Driver) {
    let admin = host.create_key("admin");
    let driver = host.with_key(&admin);
    until("the key is known", async || {
        let required = host.get(KEYS).await.status == 401;
        (required && driver.get(KEYS).await.status == 200).then_some(())
    })
    .await;
    (host, driver)
}

/// Makes a key through the API, which it counts from on.
async fn made(admin: &Driver, body: Value) -> Value {
    admin.post(KEYS, body).await.expect(201)
}

fn text(made: &Value, member: &str) -> String {
    made[member].as_str().expect("a text").to_owned()
}

/// The operations of `/openapi.json`: id, method, path with some values, and what it says of keys.
async fn operations(driver: &Driver) -> Vec<(String, Method, String, Value)> {
    let document = driver.get("/openapi.json").await.expect(200);
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let path = path.replace("{slug}", "nowhere").replace(['{', '}'], "");
        for (method, said) in methods.as_object().expect("methods") {
            let method = method.to_uppercase().parse().expect("a method");
            all.push((text(said, "operationId"), method, path.clone(), said["security"].clone()));
        }
    }
    all
}

async fn sent(driver: &Driver, method: &Method, path: &str) -> Answer {
    answer(driver.request(method.clone(), path)).await
}

#[tokio::test]
async fn each_route_is_entered_with_the_scope_that_it_needs_and_with_no_lesser_one() {
    let (_host, admin) = administered(tutorial().await).await;
    let mut drivers = Vec::new();
    for scope in SCOPES {
        let key = made(&admin, json!({ "name": scope, "scopes": [scope] })).await;
        drivers.push((scope, admin.with_key(&text(&key, "key"))));
    }
    let mut seen = BTreeSet::new();
    for (id, method, path, security) in operations(&admin).await {
        // Public ones are listed in `access`; a plugin's own routes are tried below.
        if security == json!([]) || id == "callPluginRoute" {
            continue;
        }
        let needed = needed(&id).unwrap_or_else(|| panic!("which scope does {id} need?"));
        assert_eq!(security, json!([{ "key": [needed] }]), "{id}");
        for (scope, driver) in &drivers {
            let answer = sent(driver, &method, &path).await;
            if includes(scope, needed) {
                assert!(!answer.text.contains("\"code\":\"scope\""), "{id} with {scope}");
                assert_ne!(answer.status, 401, "{id} with {scope}");
            } else if method == Method::HEAD {
                assert_eq!(answer.status, 403, "{id} with {scope}");
            } else {
                let detail = answer.problem(403, "scope");
                assert!(detail.contains(&format!("the scope `{needed}`")), "{id}: {detail}");
                assert!(detail.contains(&format!("has `{scope}`")), "{id}: {detail}");
            }
        }
        if !is_of_plugin(&id) {
            seen.insert(id);
        }
    }
    let expected: BTreeSet<String> = NEEDED.iter().map(|(id, _)| (*id).to_owned()).collect();
    assert_eq!(seen, expected, "every route that is expected is there");
    for (scope, driver) in &drivers {
        // Any key hears that there is nothing.
        driver.get("/api/internal/nothing").await.problem(404, "not_found");
        assert_eq!(sent(driver, &Method::PATCH, KEYS).await.status, 405, "{scope}");
    }
}

#[tokio::test]
async fn a_plugins_own_routes_for_drivers_need_the_scope_drive() {
    let host = TestHost::with(&["backstage"]).start().await;
    host.community("acme", "backstage", json!({})).await;
    let (_host, admin) = administered(host).await;
    for scope in SCOPES {
        let key = made(&admin, json!({ "name": scope, "scopes": [scope] })).await;
        let driver = admin.with_key(&text(&key, "key"));
        let path = "/api/plugins/backstage/acme/stories/1/items/2";
        let answer = driver.get(path).await;
        match includes(scope, "drive") {
            true => assert!(!answer.text.contains("\"code\":\"scope\""), "{scope}"),
            false => assert!(answer.problem(403, "scope").contains("drive"), "{scope}"),
        }
    }
}

#[tokio::test]
async fn a_key_with_several_scopes_may_do_what_each_of_them_allows() {
    let (_host, admin) = administered(tutorial().await).await;
    let body = json!({ "name": "monitor", "scopes": ["read", "metrics", "read"] });
    let key = made(&admin, body).await;
    assert_eq!(key["scopes"], json!(["read", "metrics"]));
    let driver = admin.with_key(&text(&key, "key"));
    driver.get("/api/internal/community").await.expect(200);
    assert_eq!(driver.get("/metrics").await.status, 200);
    let acted = driver.action("acme", "tutorial.times-two", json!({ "value": 2 })).await;
    assert!(acted.problem(403, "scope").contains("`drive`"), "{}", acted.text);
}

#[tokio::test]
async fn what_a_key_is_made_for_is_checked() {
    let (_host, admin) = administered(tutorial().await).await;
    for (body, words) in [
        (json!({ "name": "x" }), "scopes"),
        (json!({ "name": "x", "scopes": [] }), "scopes"),
        (json!({ "name": "x", "scopes": ["emperor"] }), "scopes"),
        (json!({ "name": " ", "scopes": ["read"] }), "name"),
        (json!({ "name": "a\tb", "scopes": ["read"] }), "name"),
        (json!({ "name": "x".repeat(101), "scopes": ["read"] }), "name"),
        (json!({ "name": "x", "scopes": ["read"], "expires_at": "tomorrow" }), "tomorrow"),
        (
            json!({ "name": "x", "scopes": ["read"], "expires_at": "2001-01-01T00:00:00Z" }),
            "expired",
        ),
    ] {
        let refused = admin.post(KEYS, body.clone()).await;
        let detail = refused.problem(400, "bad_request");
        assert!(refused.text.contains(words), "{body}: {detail}");
    }
    let listed = admin.get(KEYS).await.expect(200);
    assert_eq!(listed["keys"].as_array().map(Vec::len), Some(1), "{listed}");
}

#[tokio::test]
async fn a_key_is_shown_once_and_kept_only_as_a_hash() {
    let (mut host, admin) = administered(tutorial().await).await;
    let key = text(&made(&admin, json!({ "name": "x", "scopes": ["read"] })).await, "key");
    let secret = key.rsplit('_').next().expect("a secret").to_owned();
    let listed = admin.get(KEYS).await;
    assert!(!listed.text.contains(&secret), "{}", listed.text);
    host.terminate();
    for file in ["moothall.db", "moothall.db-wal"] {
        let bytes = std::fs::read(host.data().join(file)).unwrap_or_default();
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{file}");
    }
    assert!(!host.logs().contains(&secret), "the log has a key");
}

#[tokio::test]
async fn a_key_that_has_expired_is_refused_like_an_unknown_one() {
    let (host, admin) = administered(tutorial().await).await;
    let id = host.get("/healthz").await.header("x-request-id").to_owned();
    assert!(!id.is_empty());
    // The host's clock goes with this machine's until the test moves it.
    let soon = jiff_in(3_600);
    let body = json!({ "name": "guest", "scopes": ["read"], "expires_at": soon });
    let key = made(&admin, body).await;
    let driver = admin.with_key(&text(&key, "key"));
    driver.get("/api/internal/community").await.expect(200);
    host.advanced(Duration::from_secs(3_700)).await;
    let refused = driver.get("/api/internal/community").await;
    let expired = refused.problem(401, "unauthorized");
    assert_eq!(refused.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    let unknown = admin.with_key("mh_0_0").get("/api/internal/community").await;
    assert_eq!(expired, unknown.problem(401, "unauthorized"));
    admin
        .post(&format!("{KEYS}/{}/rotate", text(&key, "id")), json!({}))
        .await
        .problem(404, "not_found");
}

/// The time in so many seconds, as RFC 3339 has it.
#[expect(clippy::disallowed_methods, reason = "the clock of the program that asks")]
fn jiff_in(seconds: i64) -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds)).to_string()
}

#[tokio::test]
async fn a_rotated_key_has_two_secrets_for_a_while() {
    let (host, admin) = administered(tutorial().await).await;
    let key = made(&admin, json!({ "name": "driver", "scopes": ["drive"] })).await;
    let (id, old) = (text(&key, "id"), admin.with_key(&text(&key, "key")));
    let rotate = format!("{KEYS}/{id}/rotate");
    let rotated = admin.post(&rotate, json!({ "keep_seconds": 600 })).await.expect(200);
    assert_eq!((&rotated["id"], &rotated["scopes"]), (&key["id"], &key["scopes"]));
    let new = admin.with_key(&text(&rotated, "key"));
    for driver in [&old, &new] {
        driver.get("/api/internal/community").await.expect(200);
    }
    host.advanced(Duration::from_secs(601)).await;
    old.get("/api/internal/community").await.problem(401, "unauthorized");
    new.get("/api/internal/community").await.expect(200);
    // A leaked one ends at once.
    let rotated = admin.post(&rotate, json!({ "keep_seconds": 0 })).await.expect(200);
    new.get("/api/internal/community").await.problem(401, "unauthorized");
    let newest = admin.with_key(&text(&rotated, "key"));
    newest.get("/api/internal/community").await.expect(200);
    admin.delete(&format!("{KEYS}/{id}")).await.expect(204);
    newest.get("/api/internal/community").await.problem(401, "unauthorized");
    admin.delete(&format!("{KEYS}/{id}")).await.problem(404, "not_found");
    admin.post(&rotate, json!({})).await.problem(404, "not_found");
    let listed = admin.get(KEYS).await.expect(200);
    let shown = listed["keys"].as_array().expect("keys").iter().find(|one| one["id"] == id);
    assert!(shown.expect("the key")["revoked_at"].is_string(), "{listed}");
}

#[tokio::test]
async fn the_last_use_of_a_key_is_shown_and_outlives_the_host() {
    let (mut host, admin) = administered(tutorial().await).await;
    let key = made(&admin, json!({ "name": "driver", "scopes": ["drive"] })).await;
    let id = text(&key, "id");
    let used = async |admin: &Driver| {
        let listed = admin.get(KEYS).await.expect(200);
        let all = listed["keys"].as_array().expect("keys").clone();
        all.into_iter().find(|one| one["id"] == id).expect("the key")["last_used_at"].clone()
    };
    assert_eq!(used(&admin).await, Value::Null);
    let driver = admin.with_key(&text(&key, "key"));
    driver.result("acme", "tutorial.times-two", json!({ "value": 2 })).await;
    let first = used(&admin).await;
    assert!(first.is_string(), "{first}");
    host.terminate();
    let listed = host.command(&["key", "list"]).succeeded();
    let line = listed.lines().find(|line| line.starts_with(&id)).expect("a line of the key");
    assert!(line.contains(first.as_str().expect("a time")), "{line}");
}

#[tokio::test]
async fn the_command_line_makes_and_rotates_keys_beside_the_host() {
    let (host, admin) = administered(tutorial().await).await;
    let create = ["key", "create", "monitor", "--scope", "metrics,read", "--expires", "2d"];
    let key = host.command(&create).succeeded().trim().to_owned();
    let driver = admin.with_key(&key);
    until("the key is known", async || (driver.get("/metrics").await.status == 200).then_some(()))
        .await;
    driver.get(KEYS).await.problem(403, "scope");
    let listed = host.command(&["key", "list"]).succeeded();
    let line = listed.lines().find(|line| line.contains("monitor")).expect("a line of the key");
    assert!(line.contains("read metrics") && line.contains("valid until"), "{line}");
    let id = line.split('\t').next().expect("an id");
    let rotated = host.command(&["key", "rotate", id, "--keep", "0h"]).succeeded();
    until("the old secret is refused", async || {
        (driver.get("/metrics").await.status == 401).then_some(())
    })
    .await;
    assert_eq!(admin.with_key(rotated.trim()).get("/metrics").await.status, 200);
    for (wrong, words) in [
        (["key", "create", "x", "--scope", "emperor"], "emperor"),
        (["key", "create", "x", "--expires", "soon"], "2027-01-31T12:00:00Z"),
        (["key", "rotate", id, "--keep", "31d"], "30d"),
    ] {
        let refused = host.command(&wrong).failed_with(2);
        assert!(refused.contains(words), "{refused}");
    }
    host.command(&["key", "rotate", "nothing"]).failed_with(1);
}

#[tokio::test]
async fn the_first_key_may_be_made_through_the_api() {
    let host = tutorial().await;
    let key = made(&host, json!({ "name": "first", "scopes": ["admin"] })).await;
    host.get(KEYS).await.problem(401, "unauthorized");
    host.with_key(&text(&key, "key")).get(KEYS).await.expect(200);
}
