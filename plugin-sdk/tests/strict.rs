//! The in-memory host refuses what the real one refuses. Each of these mistakes once passed its
//! tests and failed in use.

use std::collections::BTreeMap;

use moothall_sdk::accounts::{self, Account};
use moothall_sdk::manifest::Hook;
use moothall_sdk::serde_json::{Value, from_str, json};
use moothall_sdk::testing::{Answer, Host};
use moothall_sdk::{
    Envelope, Error, ErrorKind, Process, Result, Routed, Secret, Verdict, WebhookRequest,
    WebhookResponse, http, plugin, process,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

const URL: &str = "https://a.example/";

/// Writes a key twice, which serde's own JSON never does.
struct Twice;

impl Serialize for Twice {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("a", &1)?;
        map.serialize_entry("a", &2)?;
        map.end()
    }
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!([inner]))
}

#[derive(Deserialize, JsonSchema)]
pub struct Parameters {
    what: String,
}

#[derive(Deserialize, JsonSchema)]
struct Form {
    #[expect(dead_code, reason = "what a hook's schema asks for")]
    title: String,
}

struct Vote;

#[process(name = "vote")]
impl Vote {
    fn start(&self, parameters: Parameters) -> Result<()> {
        match parameters.what.as_str() {
            "outcome" => self.set_outcome(&json!("x".repeat(300_000))),
            "errors" => self.set_errors(&"x".repeat(300_000)),
            "twice" => self.set_errors(&Twice),
            "url" => self.set_url(&format!("https://a.example/{}", "x".repeat(3_000))),
            _ => self.set_url(URL),
        }
    }
}

struct Probe;

#[plugin(
    name = "probe",
    processes(Vote),
    route_keys("/team"),
    requests(http("a.example")),
    hooks(Hook::new("org.example.opened.v1").input::<Form>().exception("PreventOpening")),
)]
impl Probe {
    #[webhook(handshakes(get(query = "c", answer = "export")))]
    fn receive(&self, request: WebhookRequest) -> Result<WebhookResponse> {
        let status = from_str(request.text()?)?;
        Ok(WebhookResponse::status(status))
    }

    #[handshake]
    fn greet(&self, _request: WebhookRequest) -> Result<WebhookResponse> {
        http::get(URL).send()?;
        Ok(WebhookResponse::ok())
    }

    #[global_webhook]
    fn route(&self, request: WebhookRequest) -> Result<Routed> {
        Ok(Routed::to_route_key(request.text()?, "T1"))
    }

    #[filter(hook = "org.example.opened.v1")]
    fn guard(&self, data: Value) -> Result<Verdict> {
        Ok(Verdict::halt(data["title"].as_str().unwrap_or_default(), "no"))
    }

    #[worker(name = "tell", events("probe:*"))]
    fn tell(&self, event: Envelope) -> Result<()> {
        self.state().set("event", &event.id)
    }

    #[action(slug = "do")]
    fn act(&self, parameters: Parameters) -> Result<Value> {
        let request = || http::post(URL);
        let account = || Account::new("ann");
        match parameters.what.as_str() {
            "header-name" => sent(request().header("x a", "v")),
            "header-value" => sent(request().header("x", "a\nb")),
            "header-host" => sent(request().header("Host", "b.example")),
            "header-length" => sent(request().header("content-length", "1")),
            "headers" => sent((0..101).fold(request(), |all, _| all.header("x", "v"))),
            "method" => sent(http::request("FOO BAR", URL)),
            "body" => sent(request().body(vec![b'x'; (1 << 20) + 1])),
            "form-of-json" => sent(request().json(&1).secret_form("key", &Secret::new_value("s"))),
            "colon" => sent(request().basic_password("a:b", &Secret::new_value("s"))),
            "state-twice" => done(self.state().set("k", &Twice)),
            "state-deep" => done(self.state().set("k", &nested(125))),
            "event-twice" => done(self.events().emit_raw("opened", &Twice).map(drop)),
            "event-deep" => done(self.events().emit_raw("opened", &nested(121)).map(drop)),
            "kind" => Err(Error::other("Quorum Missing", "not enough")),
            "result" => Ok(json!("x".repeat(1 << 20))),
            "account-name" => done(accounts::link(&Account::new("x".repeat(501))).map(drop)),
            "account-data" => {
                done(accounts::link(&account().custom_data("x".repeat(70_000))).map(drop))
            }
            "account-person" => done(accounts::link(&account().external_id("nobody")).map(drop)),
            "accounts" => {
                let all = (0..101).map(|n| Account::new(n.to_string()));
                done(all.into_iter().try_for_each(|one| accounts::link(&one).map(drop)))
            }
            "person" => done(accounts::user("nobody").map(drop)),
            _ => {
                self.state().set("k", &nested(120))?;
                accounts::link(&Account::new("x".repeat(500)).custom_data("x".repeat(60_000)))?;
                sent(http::request("PURGE", URL).header("x", "v\tä").body(vec![b'x'; 1 << 20]))
            }
        }
    }
}

fn sent(request: http::Request) -> Result<Value> {
    Ok(json!(request.send()?.status))
}

fn done(result: Result<()>) -> Result<Value> {
    result.map(|()| Value::Null)
}

fn host() -> Host<Probe> {
    let mut host = Host::new(Probe);
    for method in ["GET", "POST", "FOO BAR", "PURGE"] {
        host.script(method, URL, Answer::ok());
    }
    host
}

fn kind<T: std::fmt::Debug>(what: &str, result: Result<T>) -> ErrorKind {
    result.expect_err(what).kind().clone()
}

fn request(body: &str) -> WebhookRequest {
    WebhookRequest { body: body.into(), ..WebhookRequest::default() }
}

#[test]
fn what_an_action_hands_over_is_refused_as_the_real_host_refuses_it() {
    use ErrorKind::{Conflict, Internal, Invalid};
    let refused: BTreeMap<&str, ErrorKind> = [
        ("header-name", Invalid),
        ("header-value", Invalid),
        ("header-host", Invalid),
        ("header-length", Invalid),
        ("headers", Invalid),
        ("method", Invalid),
        ("body", Invalid),
        ("form-of-json", Invalid),
        ("colon", Invalid),
        ("state-twice", Invalid),
        ("state-deep", Invalid),
        ("event-twice", Invalid),
        ("event-deep", Invalid),
        // The real host answers 502, `plugin_bad_output` or `plugin_limit`.
        ("kind", Internal),
        ("result", Internal),
        ("account-name", Invalid),
        ("account-data", Invalid),
        ("account-person", Invalid),
        ("accounts", Conflict),
        ("person", Invalid),
    ]
    .into();
    for (what, expected) in refused {
        let mut host = host();
        assert_eq!(kind(what, host.action("do", json!({ "what": what }))), expected, "{what}");
        assert!(host.sent().is_empty() && host.events().is_empty(), "{what}");
    }
    assert_eq!(host().action("do", json!({ "what": "all that fits" })), Ok(json!(200)));
}

#[test]
fn what_a_process_sets_is_bounded() {
    for what in ["outcome", "errors", "twice", "url"] {
        let started = host().start("vote", json!({ "what": what }));
        assert_eq!(kind(what, started), ErrorKind::Invalid, "{what}");
    }
    host().start("vote", json!({ "what": "fits" })).expect("started");
}

#[test]
fn a_handshake_sends_nothing() {
    let mut host = host();
    assert_eq!(kind("handshake", host.handshake(request(""))), ErrorKind::Forbidden);
    assert!(host.sent().is_empty());
}

#[test]
fn a_response_has_a_status_of_an_answer() {
    for status in ["99", "101", "199", "600"] {
        let answer = host().webhook(request(status));
        assert_eq!(kind(status, answer), ErrorKind::Internal, "{status}");
    }
    for status in ["200", "599"] {
        assert!(host().webhook(request(status)).is_ok(), "{status}");
    }
}

#[test]
fn names_that_the_manifest_does_not_have_are_told() {
    let mut host = host();
    assert_eq!(kind("/tean", host.global_webhook(request("/tean"))), ErrorKind::Internal);
    assert!(host.global_webhook(request("/team")).is_ok());
    assert_eq!(kind("tel", host.is_enabled("tel")), ErrorKind::NotFound);
    assert_eq!(host.is_enabled("tell"), Ok(true));
    let mut filter = |title| host.filter("org.example.opened.v1", title);
    assert_eq!(kind("title", filter(json!({ "titel": "PreventOpening" }))), ErrorKind::Invalid);
    assert_eq!(kind("halt", filter(json!({ "title": "Prevent" }))), ErrorKind::Internal);
    assert!(filter(json!({ "title": "PreventOpening" })).is_ok());
}
