//! Exports that no driver calls, as the in-memory host calls them; and their part of the manifest.

mod watcher;

use moothall_sdk::serde_json::{Value, from_str, from_value, json};
use moothall_sdk::testing::Host;
use moothall_sdk::{
    Envelope, Error, ErrorKind, Plugin, RouteRequest, Verdict, WebhookRequest, WebhookResponse,
};
use watcher::{Neighbour, Watcher};

const TIME: &str = "2030-01-01T00:00:00Z";

/// A change of a story, through the API.
fn change(story: Value) -> Envelope {
    let data = json!({ "resource": "story", "resource_id": story });
    let envelope = json!({
        "id": "evt_1", "source": "api", "event_type": "change", "data": data, "new": "field"
    });
    from_value(envelope).expect("an envelope")
}

fn kind<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    result.expect_err("it is refused").kind().clone()
}

#[test]
fn the_manifest_is_valid_by_the_contract_and_true() {
    let manifest: Value = from_str(&Watcher.manifest().to_json()).expect("a manifest is JSON");
    let schema = from_str(include_str!("../wit/manifest.schema.json")).expect("a schema");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<String> = validator.iter_errors(&manifest).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} in {manifest:#}");
    assert_eq!((&manifest["scope"], &manifest["resident"]), (&json!("host"), &json!(true)));
    assert_eq!(manifest["requests"]["tcp"], json!(["redis.internal:6379"]));
    let hook = json!({
        "name": "org.example.opened.v1",
        "alias": "Opened",
        "description": "Before it is opened.",
        "mutable": ["/form"],
        "sensitive": ["/form/password"],
        "exceptions": ["PreventOpening", "RedirectToPage", "RenderCustomResponse"],
        "halt_exception": "RedirectToPage",
        "budget_ms": 500
    });
    assert_eq!(manifest["hooks"], json!([hook]));
    let filter = json!({ "hook": "org.example.opened.v1", "order": -5, "fail_silently": false });
    assert_eq!(manifest["filters"], json!([filter]));
    let worker = json!({
        "name": "count",
        "events": ["api.change", "watcher:*"],
        "match": { "/resource": "story" },
        "ordering": "fifo",
        "max_attempts": 3,
        "timeout_ms": 500
    });
    assert_eq!(manifest["workers"][0], worker);
    assert_eq!(manifest["schedules"], json!([{ "name": "flush", "every": "10s", "jitter": "1s" }]));
    let route = json!({ "path": "/stories/{id}", "methods": ["GET", "POST"], "auth": "public" });
    assert_eq!(manifest["routes"], json!([route]));
}

#[test]
fn a_step_is_chosen_by_its_hook_and_writes_nothing() {
    let mut host = Host::new(Watcher);
    let verdict = |host: &mut Host<_>, wish: &str| {
        host.filter("org.example.opened.v1", json!({ "wish": wish }))
    };
    assert_eq!(verdict(&mut host, "stop"), Ok(Verdict::stop()));
    assert_eq!(verdict(&mut host, "change"), Verdict::update(json!({ "form": 1 })));
    let halted = Verdict::halt("RenderCustomResponse", "closed").with("content", "<p>closed</p>");
    assert_eq!(verdict(&mut host, "halt"), Ok(halted));
    assert_eq!(kind(verdict(&mut host, "write")), ErrorKind::Forbidden);
    assert_eq!(kind(host.filter("org.example.opened.v1", json!({}))), ErrorKind::Internal);
    assert_eq!(kind(host.filter("org.example.other.v1", json!({}))), ErrorKind::NotFound);
}

#[test]
fn a_worker_s_failure_leaves_nothing_and_one_for_ever_says_so() {
    let mut host = Host::new(Watcher);
    assert_eq!(host.is_enabled("count"), Ok(true));
    host.handle("count", change(json!("7"))).expect("handled");
    assert_eq!(host.state("7"), Some(json!("evt_1")));
    let failed = host.handle("count", change(json!("8")));
    assert_eq!(kind(failed), ErrorKind::Unavailable);
    assert_eq!(host.state("8"), None);
    let unreadable = host.handle("count", change(json!([])));
    assert_eq!(kind(unreadable), ErrorKind::Other("permanent".to_owned()));
    assert_eq!(kind(host.handle("other", change(json!("7")))), ErrorKind::NotFound);
    let mut off = Host::new(Watcher).config(json!({ "is_off": true }));
    assert_eq!(off.is_enabled("count"), Ok(false));
}

#[test]
fn points_ticks_and_requests_share_what_the_plugin_keeps() {
    let mut host = Host::new(Watcher);
    let point = json!({ "series": "requests", "time": TIME, "fields": { "execution_time": 0.5 } });
    host.points(from_value(json!([point, point])).expect("points")).expect("handled");
    host.schedule("flush", TIME).expect("flushed");
    assert_eq!(host.state("flushed"), Some(json!([2, TIME])));
    assert_eq!(kind(host.schedule("other", TIME)), ErrorKind::NotFound);
    let request = RouteRequest {
        request: WebhookRequest { query: "a=b".to_owned(), ..WebhookRequest::default() },
        captures: vec![("id".to_owned(), "7".to_owned())],
    };
    let answer = host.route("/stories/{id}", request);
    assert_eq!(answer, Ok(WebhookResponse::ok().text("7 b 2")));
    assert_eq!(kind(host.route("/other", RouteRequest::default())), ErrorKind::NotFound);
    host.shut_down().expect("closed");
    assert_eq!(host.state("closed"), Some(json!(2)));
}

#[test]
fn the_host_s_numbers_are_for_host_scope_alone() {
    let numbers = json!([{ "name": "calls", "labels": { "plugin": "a" }, "value": 3 }]);
    let mut host = Host::new(Watcher).metrics(numbers.clone());
    assert_eq!(host.action("numbers", json!({})), Ok(json!(["calls", "a", 3.0])));
    let mut neighbour = Host::new(Neighbour).metrics(numbers);
    assert_eq!(kind(neighbour.action("numbers", json!({}))), ErrorKind::Forbidden);
}
