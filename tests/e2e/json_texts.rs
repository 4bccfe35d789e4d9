//! JSON comes out as it went in; JSON that cannot is refused with its place, from clients and
//! guests alike.

use moothall_tests::{Answer, Receiver, Reply, TestHost, answer, until};
use reqwest::Method;
use serde_json::json;

const EVENTS: &str = "/api/internal/events";
const COMMUNITY: &str = "X-Metagov-Community";
const TOML: &str = "[egress]\nallow_cidr = [\"127.0.0.0/8\"]";

/// Numbers that a reader could change, a text with an escape, and space between tokens.
const EXACT: &str =
    "{\"n\":18446744073709551617,\"f\":1.10,\"z\":-0,\"x\":1e3,\n \"t\":\"\\u00e9\"}";
const DEEP: usize = 200;

/// JSON that no reader could give back, and the place of the problem.
fn refused() -> Vec<(String, &'static str)> {
    let deep = format!("{}{}", "[".repeat(DEEP), "]".repeat(DEEP));
    vec![
        (r#"{"t":"\ud83d"}"#.to_owned(), "/t"),
        (r#"{"n":[1e400]}"#.to_owned(), "/n/0"),
        (r#"{"a":1,"\u0061":2}"#.to_owned(), "/a"),
        (deep, "/0"),
    ]
}

async fn send(host: &TestHost, method: Method, path: &str, body: &str) -> Answer {
    let request = host.request(method, path).header(COMMUNITY, "acme");
    answer(request.header("content-type", "application/json").body(body.to_owned())).await
}

async fn post(host: &TestHost, path: &str, body: &str) -> Answer {
    send(host, Method::POST, path, body).await
}

async fn host() -> TestHost {
    let host = TestHost::with(&["raw", "probe"]).toml(TOML).start().await;
    let plugins = json!([{ "name": "raw", "config": {} }, { "name": "probe", "config": {} }]);
    host.put_community("acme", plugins).await.expect(201);
    host
}

/// `{"to": …, "text": …}`
fn handed(to: &str, text: &str) -> String {
    json!({ "to": to, "text": text }).to_string()
}

async fn hand_over(host: &TestHost, to: &str, text: &str) -> Answer {
    let body = format!(r#"{{"parameters":{}}}"#, handed(to, text));
    post(host, "/api/internal/action/raw.hand-over", &body).await
}

#[tokio::test]
async fn what_a_client_sends_and_nobody_could_give_back_is_refused_with_its_place() {
    let host = host().await;
    let person = host.post("/api/internal/identity/create_id", json!({ "community_slug": "acme" }));
    let person = person.await.expect(201)[0].clone();
    let hook = json!({ "input_schema": {}, "exceptions": [] });
    host.put("/api/internal/hooks/org.example.thing.v1", hook).await.expect(201);
    let account = format!(
        r#"{{"community_slug":"acme","external_id":{person},"platform_type":"raw","platform_identifier":"U1","custom_data":@}}"#
    );
    let places = [
        ("POST", EVENTS, r#"{"community":"acme","event_type":"a","data":@}"#, "/data"),
        ("POST", EVENTS, r#"{"community":"acme","event_type":"a","initiator":@}"#, "/initiator"),
        ("POST", "/api/internal/action/raw.echo", r#"{"parameters":@}"#, "/parameters"),
        ("POST", "/api/action/raw.echo", r#"{"parameters":@}"#, "/parameters"),
        ("POST", "/api/internal/process/raw.hand-over", r#"{"to":@}"#, "/to"),
        ("POST", "/api/internal/plugin/raw", r#"{"any":@}"#, "/any"),
        (
            "PUT",
            "/api/internal/community/acme",
            r#"{"plugins":[{"name":"raw","config":@}]}"#,
            "/plugins/0/config",
        ),
        ("POST", "/api/internal/identity/link_account", &account, "/custom_data"),
        (
            "POST",
            "/api/internal/changes",
            r#"{"resource":"story","resource_after":@}"#,
            "/resource_after",
        ),
        ("POST", "/api/internal/hooks/org.example.thing.v1/run", r#"{"data":@}"#, "/data"),
    ];
    for (method, path, body, at) in places {
        for (text, inside) in refused() {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let refusal = send(&host, method, path, &body.replace('@', &text)).await;
            let detail = refusal.problem(400, "malformed_json");
            let place = format!("{at}{inside}");
            assert!(
                refusal.error_paths()[0].starts_with(&place),
                "{path} {text}: {}",
                refusal.text
            );
            assert!(detail.contains(&place), "{path} {text}: {detail}");
        }
    }
    assert_eq!(host.get(EVENTS).await.expect(200)["events"], json!([]));
}

#[tokio::test]
async fn an_events_data_reaches_everybody_as_it_was_written() {
    let host = host().await;
    let receivers = ["metagov", "standard", "openedx"].map(|format| (format, Receiver::start()));
    let mut heard = Vec::new();
    for (format, receiver) in receivers {
        let receiver = receiver.await;
        receiver.otherwise(Reply::Status(200));
        let endpoint = json!({ "url": receiver.url, "event_types": ["*"], "format": format });
        host.post("/api/internal/endpoints", endpoint).await.expect(201);
        heard.push((format, receiver));
    }
    let form = Receiver::start().await;
    let endpoint = json!({
        "url": form.url, "event_types": ["*"], "format": "metagov", "use_www_form_encoding": true
    });
    host.post("/api/internal/endpoints", endpoint).await.expect(201);
    let event = format!(
        r#"{{"community":"acme","event_type":"a","data":{EXACT},"initiator":{{"id":18446744073709551617}}}}"#
    );
    post(&host, EVENTS, &event).await.expect(202);

    let listed = host.get(EVENTS).await;
    listed.expect(200);
    assert!(listed.text.contains(EXACT), "{}", listed.text);
    assert!(listed.text.contains(r#""initiator":{"id":18446744073709551617}"#), "{}", listed.text);
    for (format, receiver) in heard {
        let body = receiver.wait_for(1).await.remove(0).body;
        let body = String::from_utf8_lossy(&body).into_owned();
        assert!(body.contains(EXACT), "{format}: {body}");
    }
    let body = form.wait_for(1).await.remove(0).body;
    let body = String::from_utf8_lossy(&body).into_owned();
    assert!(body.contains("data_n=18446744073709551617&"), "{body}");

    let request = host.request(Method::GET, &format!("{EVENTS}?after=0"));
    let mut stream = request.header("accept", "text/event-stream").send().await.expect("a stream");
    let mut text = String::new();
    while !text.contains(": still here") && !text.contains("request_id") {
        let chunk = stream.chunk().await.expect("the stream goes on").expect("it does not end");
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    let line = EXACT.replace('\n', " ");
    assert!(text.lines().any(|one| one.starts_with("data: ") && one.contains(&line)), "{text}");
}

#[tokio::test]
async fn what_guests_and_drivers_hand_to_each_other_keeps_its_digits() {
    let host = host().await;
    let body = format!(r#"{{"parameters":{EXACT}}}"#);
    for path in ["/api/internal/action/raw.echo", "/api/action/raw.echo"] {
        let echoed = post(&host, path, &body).await;
        assert_eq!((echoed.status, echoed.text.as_str()), (200, EXACT));
    }
    hand_over(&host, "state", EXACT).await.expect(200);
    let kept = post(&host, "/api/internal/action/raw.kept", "{}").await;
    assert_eq!(kept.text, EXACT);
    let dry = format!(r#"{{"parameters":{}}}"#, handed("data", EXACT));
    let dry = post(&host, "/api/internal/action/raw.hand-over?dry_run=true", &dry).await;
    assert!(dry.text.contains(EXACT), "{}", dry.text);
    hand_over(&host, "data", EXACT).await.expect(200);
    hand_over(&host, "initiator", EXACT).await.expect(200);
    let listed = host.get(EVENTS).await.text;
    assert_eq!(listed.matches(EXACT).count(), 2, "{listed}");
    let details = hand_over(&host, "details", EXACT).await;
    details.problem(409, "conflict");
    assert!(details.text.contains(&format!("\"details\":{EXACT}")), "{}", details.text);

    hand_over(
        &host,
        "account",
        &format!(r#"{{"platform_identifier":"U1","custom_data":{EXACT}}}"#),
    )
    .await
    .expect(200);
    let users = host.get("/api/internal/identity/get_users?community=acme").await.text;
    assert!(users.contains(&format!("\"custom_data\":{EXACT}")), "{users}");
}

#[tokio::test]
async fn a_process_shows_its_outcome_and_errors_as_its_plugin_wrote_them() {
    let host = host().await;
    let receiver = Receiver::start().await;
    receiver.otherwise(Reply::Status(200));
    let path = "/api/internal/process/raw.hand-over";
    for to in ["outcome", "errors"] {
        let parameters =
            json!({ "to": to, "text": EXACT, "callback_url": receiver.url }).to_string();
        let started = post(&host, path, &parameters).await;
        let id = started.expect(202)["id"].as_str().unwrap_or_default().to_owned();
        let member = format!("\"{to}\":{EXACT}");
        assert!(started.text.contains(&member), "{}", started.text);
        let one = format!("{path}/{id}");
        for asked in [one.as_str(), "/api/internal/process?community=acme"] {
            let shown = host.get(asked).await.text;
            assert!(shown.contains(&member), "{asked}: {shown}");
        }
        let closed = host.delete(&one).await;
        closed.expect(200);
        assert!(closed.text.contains(&member), "{}", closed.text);
        until("the callback has it", async || {
            let is_it = |body: &[u8]| String::from_utf8_lossy(body).contains(&member);
            receiver.received().iter().any(|one| is_it(&one.body)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn what_a_guest_hands_over_and_nobody_could_give_back_is_refused_with_its_place() {
    let host = host().await;
    for to in ["state", "data", "initiator", "account"] {
        for (text, at) in refused() {
            let detail = hand_over(&host, to, &text).await.problem(400, "invalid");
            assert!(detail.contains(&format!("at {at}")), "{to} {text}: {detail}");
        }
    }
    for to in ["outcome", "errors", "process-state"] {
        for (text, at) in refused() {
            let path = "/api/internal/process/raw.hand-over";
            let detail = post(&host, path, &handed(to, &text)).await.problem(400, "invalid");
            assert!(detail.contains(&format!("at {at}")), "{to} {text}: {detail}");
        }
    }
    for (text, at) in refused() {
        let detail = hand_over(&host, "details", &text).await.problem(502, "plugin_bad_output");
        assert!(detail.contains(&format!("at {at}")), "{text}: {detail}");
    }
    hand_over(&host, "details", "no JSON").await.problem(502, "plugin_bad_output");
    assert_eq!(host.get(EVENTS).await.expect(200)["events"], json!([]));
}

#[tokio::test]
async fn a_kind_of_the_plugins_own_never_looks_like_a_code_of_the_hosts() {
    let host = host().await;
    for kind in ["too-late", "plugin-trap", "internal", "overloaded", "conflict"] {
        let failed = hand_over(&host, "kind", kind).await;
        failed.problem(500, &format!("plugin:{kind}"));
    }
    let detail = hand_over(&host, "kind", "Too late!").await.problem(502, "plugin_bad_output");
    assert!(detail.contains("Too late!") && detail.contains("[a-z]"), "{detail}");
}

#[tokio::test]
async fn an_integer_reaches_a_guest_as_one_however_it_was_written() {
    let host = host().await;
    let ask = async |action: &str, parameters: &str| {
        let body = format!(r#"{{"parameters":{parameters}}}"#);
        post(&host, &format!("/api/internal/action/{action}"), &body).await
    };
    for (sent, reached) in [
        (r#"{"plain":5.0,"filled":1}"#, r#"{"filled":1,"plain":5}"#),
        (r#"{"plain":5}"#, r#"{"filled":7,"plain":5}"#),
        (r#"{"plain":1e3,"filled":-0}"#, r#"{"filled":0,"plain":1000}"#),
        (r#"{"maybe":5e0,"filled":1}"#, r#"{"filled":1,"maybe":5}"#),
        (r#"{"either":2.0,"filled":1}"#, r#"{"either":2,"filled":1}"#),
        (r#"{"chosen":2.0,"filled":1}"#, r#"{"chosen":2,"filled":1}"#),
        (r#"{"list":[1.0,2.0,30e-1],"filled":1}"#, r#"{"filled":1,"list":[1.0,2,3]}"#),
        (
            r#"{"tree":{"a":{"b":{"size":4.0}}},"filled":1}"#,
            r#"{"filled":1,"tree":{"a":{"b":{"size":4}}}}"#,
        ),
        (r#"{"n_x":6.0,"filled":1}"#, r#"{"filled":1,"n_x":6}"#),
        (r#"{"wide":1e20,"filled":1}"#, r#"{"filled":1,"wide":100000000000000000000}"#),
        (r#"{"plain":9007199254740993.0,"filled":1}"#, r#"{"filled":1,"plain":9007199254740993}"#),
        // A number that the schema does not call an integer stays as it was written.
        (r#"{"number":5.0,"free":1.10,"filled":1}"#, r#"{"number":5.0,"free":1.10,"filled":1}"#),
        (r#"{"number":5.0,"free":1.10}"#, r#"{"filled":7,"free":1.10,"number":5.0}"#),
    ] {
        let answered = ask("raw.integers", sent).await;
        assert_eq!((answered.status, answered.text.as_str()), (200, reached), "{sent}");
    }
    let most = u128::MAX;
    let all = format!(r#"{{"word":5.0,"wide":{most},"signed":-1e3,"inner":{{"count":2.0}}}}"#);
    let read = ask("probe.integers", &all).await.expect(200);
    assert_eq!(read, json!(["5", most.to_string(), "-1000", "2", "0"]));
}

#[tokio::test]
async fn a_schema_refuses_the_integers_that_the_guests_type_does_not_hold() {
    let host = host().await;
    let ask = async |action: &str, parameters: &str| {
        let body = format!(r#"{{"parameters":{parameters}}}"#);
        post(&host, &format!("/api/internal/action/{action}"), &body).await
    };
    for (parameters, path) in [
        (r#"{"word":18446744073709551616}"#, "/word"),
        (r#"{"word":-1}"#, "/word"),
        (r#"{"wide":340282366920938463463374607431768211456}"#, "/wide"),
        (r#"{"wide":1e39}"#, "/wide"),
    ] {
        for action in ["raw.integers", "probe.integers"] {
            let refused = ask(action, parameters).await;
            refused.problem(400, "invalid_parameters");
            assert_eq!(refused.error_paths(), [path], "{action} {parameters}: {}", refused.text);
        }
    }
    for (parameters, path) in [
        (r#"{"signed":9223372036854775808}"#, "/signed"),
        (r#"{"inner":{"count":4294967296}}"#, "/inner/count"),
        (r#"{"signed":1.5}"#, "/signed"),
    ] {
        let refused = ask("probe.integers", parameters).await;
        refused.problem(400, "invalid_parameters");
        assert!(
            refused.error_paths()[0].starts_with(path) || refused.error_paths()[0] == "/inner",
            "{}",
            refused.text
        );
    }
    ask("raw.integers", r#"{"small":256}"#).await.problem(400, "invalid_parameters");
    let detail = ask("probe.integers", r#"{"odd":1.5}"#).await.problem(400, "invalid");
    assert!(detail.contains("at /odd"), "{detail}");
}

#[tokio::test]
async fn an_integer_of_a_config_is_written_as_one_and_changes_nothing() {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    let schema = host.get("/api/internal/plugin-schemas").await.expect(200);
    assert_eq!(schema["probe"]["type"], "object");
    let change = async |body: &str| post(&host, "/api/internal/plugin/probe", body).await;
    let first = change(r#"{"generation":2.0}"#).await;
    assert!(first.status < 300, "{}", first.text);
    assert_eq!(first.json()["config"]["generation"].to_string(), "2", "{}", first.text);
    let again = change(r#"{"generation":2}"#).await;
    assert_eq!(again.expect(200)["id"], first.json()["id"]);
}

#[tokio::test]
async fn a_config_is_shown_and_handed_on_with_its_digits() {
    let host = host().await;
    let enabled = post(&host, "/api/internal/plugin/raw", EXACT).await;
    let config = r#"{"f":1.10,"n":18446744073709551617,"t":"\u00e9","x":1e3,"z":-0}"#;
    let member = format!(r#""config":{config}"#);
    assert!(enabled.text.contains(&member), "{}", enabled.text);
    let shown = host.get("/api/internal/community/acme").await.text;
    assert!(shown.contains(&member), "{shown}");
    assert_eq!(host.action("acme", "raw.config", json!({})).await.text, config);
}

#[tokio::test]
async fn what_a_hook_lets_pass_keeps_its_digits() {
    let host = host().await;
    let step = Receiver::start().await;
    step.otherwise(Reply::Body(200, r#"{"data":{"parameters":{"n":2.50}}}"#.to_owned()));
    let settings = json!({ "kind": "http", "target": step.url, "merge": "deep" });
    let hook = "/api/internal/hooks/org.moothall.action.requested.v1/steps";
    host.post(hook, settings).await.expect(201);
    let body = format!(r#"{{"parameters":{EXACT}}}"#);
    let echoed = post(&host, "/api/internal/action/raw.echo", &body);
    let echoed = echoed.await.text;
    assert_eq!(echoed, r#"{"f":1.10,"n":2.50,"t":"\u00e9","x":1e3,"z":-0}"#);
    let seen = step.received().remove(0).body;
    assert!(String::from_utf8_lossy(&seen).contains("18446744073709551617"));
}

#[tokio::test]
async fn what_a_webfilter_answers_and_nobody_could_give_back_changes_nothing() {
    let host = host().await;
    for (text, at) in refused() {
        let step = Receiver::start().await;
        let data = format!(r#"{{"data":{{"parameters":{{"replaced":{text}}}}}}}"#);
        step.otherwise(Reply::Body(200, data));
        let hook = "/api/internal/hooks/org.moothall.action.requested.v1";
        let settings = json!({ "kind": "http", "target": step.url });
        let added = host.post(&format!("{hook}/steps"), settings).await.expect(201);
        let run = format!(r#"{{"data":{{"parameters":{EXACT}}}}}"#);
        let run = post(&host, &format!("{hook}/run"), &run).await;
        let trace = run.expect(200);
        assert!(run.text.contains(&format!("\"data\":{{\"parameters\":{EXACT}}}")), "{}", run.text);
        let warning = trace["trace"][0]["warnings"][0].as_str().unwrap_or_default();
        let place = format!("at /data/parameters/replaced{at}");
        assert!(warning.contains(&place), "{text}: {}", run.text);
        let id = added["id"].as_str().unwrap_or_default();
        host.delete(&format!("{hook}/steps/{id}")).await.expect(204);
    }
}

#[tokio::test]
async fn a_change_is_told_with_the_digits_that_it_was_published_with() {
    let host = host().await;
    let receiver = Receiver::start().await;
    receiver.otherwise(Reply::Status(200));
    let endpoint =
        json!({ "url": receiver.url, "event_types": ["api.change"], "format": "standard" });
    host.post("/api/internal/endpoints", endpoint).await.expect(201);
    let body = format!(r#"{{"community":"acme","resource":"story","resource_after":{EXACT}}}"#);
    post(&host, "/api/internal/changes", &body).await.expect(202);
    until("it is logged", async || {
        let has = |one: &[u8]| {
            String::from_utf8_lossy(one).contains(&format!("\"resource_after\":{EXACT}"))
        };
        receiver.received().iter().any(|one| has(&one.body)).then_some(())
    })
    .await;
}
