//! The in-memory host refuses what the real host refuses or never does, with the same messages.

use moothall_sdk::accounts::Account;
use moothall_sdk::oauth::{Authorized, OAuthCallback};
use moothall_sdk::serde_json::{Value, from_value, json};
use moothall_sdk::testing::{Answer, Host, ProcessStatus};
use moothall_sdk::{
    Envelope, Error, ErrorKind, Process, Result, Secret, WebhookRequest, http, plugin, process,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
pub struct Config {
    #[expect(dead_code, reason = "the host's alone")]
    signing_secret: Option<Secret>,
    #[expect(dead_code, reason = "what tells instances apart")]
    team: Option<Value>,
}

#[derive(Deserialize, JsonSchema)]
struct Weighed {
    weight: f32,
    #[serde(default)]
    times: u128,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Weight {
    total: Option<f32>,
    times: u128,
}

struct Vote;

#[process(name = "vote", outcome = Value)]
impl Vote {
    fn start(&self) -> Result<()> {
        self.set_closing_at("2100-01-01T00:00:00Z".parse()?)
    }

    fn update(&self) -> Result<()> {
        self.complete(&json!({ "yes": 1 }))?;
        self.state().set("afterwards", &true)?;
        self.set_url("https://vote.example/1")
    }

    fn close(&self) -> Result<()> {
        self.complete(&json!({ "yes": 1 }))?;
        self.pending()
    }
}

struct Notary;

#[plugin(
    name = "notary",
    config = Config,
    community_platform_id_key = "team",
    processes(Vote),
    oauth(),
    requests(http("a.example"))
)]
impl Notary {
    #[webhook(verify(scheme = "slack-v0", secret = "/signing_secret"))]
    fn receive(&self, _request: WebhookRequest) -> Result<()> {
        Ok(())
    }

    #[worker(name = "tell", events("notary:*", "api.change"), matches("/kind=deed"))]
    fn tell(&self, event: Envelope) -> Result<()> {
        self.state().set("told", &event.id)
    }

    #[authorize_url]
    fn url(&self, _request: moothall_sdk::oauth::AuthorizeRequest) -> Result<String> {
        Ok("https://a.example/".to_owned())
    }

    #[oauth_callback]
    fn callback(&self, callback: OAuthCallback) -> Result<Authorized> {
        let config = callback.query.get("config");
        let authorized = match config {
            Some(config) => Authorized::app(config)?,
            None => Authorized::user(),
        };
        Ok(match callback.parameter("account") {
            Some(platform) => authorized.account(Account::new("ann").platform_type(platform)),
            None => authorized,
        })
    }

    #[action(slug = "fetch")]
    fn fetch(&self) -> Result<()> {
        http::get("HTTP://A.Example/x").send().map(drop)
    }

    #[action(slug = "weigh")]
    fn weigh(&self, parameters: Weighed) -> Result<Weight> {
        Ok(Weight { total: Some(parameters.weight * 1e38), times: parameters.times })
    }
}

fn host() -> Host<Notary> {
    Host::new(Notary)
}

fn said<T: std::fmt::Debug>(what: &str, refused: Result<T>) -> (ErrorKind, String) {
    let error = refused.expect_err(what);
    (error.kind().clone(), error.to_string())
}

#[test]
fn a_signing_secret_that_can_be_guessed_is_refused() {
    let short = host().configure(json!({ "signing_secret": "hunter2" }));
    let details = short.as_ref().err().and_then(Error::details).cloned();
    let (kind, words) = said("short", short);
    assert_eq!(kind, ErrorKind::Invalid);
    assert!(words.contains("has at least 16 bytes, and this one has 7"), "{words}");
    assert_eq!(details.expect("details")[0]["path"], "/signing_secret");
    assert_eq!(host().configure(json!({ "signing_secret": "hunter2-hunter2-" })), Ok(()));
}

#[test]
fn what_tells_instances_apart_is_a_text_or_a_number() {
    let (kind, words) = said("a list", host().configure(json!({ "team": ["T1"] })));
    assert!(kind == ErrorKind::Invalid && words.contains("tells instances apart"), "{words}");
    assert_eq!(host().configure(json!({ "team": 7 })), Ok(()));
}

#[test]
fn a_worker_gets_only_what_it_subscribes_to() {
    let event = |source: &str, kind: &str, data: Value| -> Envelope {
        let event = json!({ "id": "evt_1", "source": source, "event_type": kind, "data": data });
        from_value(event).expect("an envelope")
    };
    let deed = json!({ "kind": "deed" });
    for (unheard, why) in [
        (event("forum", "posted", deed.clone()), "would never get `forum:posted`"),
        (event("api", "sending_event", deed.clone()), "would never get `api:sending_event`"),
        (event("notary", "signed", json!({ "kind": "will" })), "\"deed\" at `/kind`"),
        (event("notary", "signed", json!([])), "\"deed\" at `/kind`"),
        (event("", "signed", deed.clone()), "a `source`"),
    ] {
        let mut host = host();
        let (kind, words) = said(why, host.handle("tell", unheard));
        assert!(kind == ErrorKind::Invalid && words.contains(why), "{words}");
        assert_eq!(host.state("told"), None);
    }
    for heard in [event("notary", "signed", deed.clone()), event("api", "change", deed)] {
        assert_eq!(host().handle("tell", heard), Ok(()));
    }
}

#[test]
fn what_comes_of_an_authorisation_is_checked_as_the_host_does() {
    let callback = |kind: &str, query: Value| {
        let callback = json!({ "type": kind, "query": query, "redirect_uri": "" });
        host().oauth_callback(from_value(callback).expect("a callback"))
    };
    for (kind, query, why) in [
        (
            "app",
            json!({ "config": { "tema": "T1" } }),
            "The config of plugin 'notary' is not valid: config/tema: no such member",
        ),
        ("app", json!({ "config": { "signing_secret": "short" } }), "at least 16 bytes"),
        ("app", json!({}), "for `app` it answers a `config`"),
        ("user", json!({ "config": {} }), "for `user` it answers an `account`"),
        ("user", json!({ "account": "forum" }), "accounts of `forum` are not this plugin's"),
    ] {
        let (error, words) = said(why, callback(kind, query));
        assert!(error == ErrorKind::Internal && words.contains(why), "{words}");
    }
    assert!(callback("app", json!({ "config": { "team": "T1" } })).is_ok());
    // A person's account changes no configuration.
    assert!(callback("user", json!({ "account": "notary", "config": { "tema": 1 } })).is_ok());
}

#[test]
fn a_url_s_scheme_and_host_are_the_same_in_capitals() {
    let mut host = host().answer("GET", "HTTP://A.Example/x", Answer::ok());
    assert_eq!(host.action("fetch", json!({})), Ok(Value::Null));
}

#[test]
fn what_a_call_completes_may_be_changed_until_its_end_and_stays_completed() {
    let mut host = host();
    let id = host.start("vote", json!({})).expect("started");
    let (kind, words) = said("pending again", host.close(&id));
    assert_eq!(kind, ErrorKind::Conflict);
    assert!(words.contains("a completed process is never changed"), "{words}");
    assert_eq!(host.process(&id).map(|vote| vote.status), Some(ProcessStatus::Pending));
    host.update(&id).expect("completed");
    let vote = host.process(&id).expect("it is there");
    assert_eq!(vote.status, ProcessStatus::Completed);
    assert_eq!(vote.url.as_deref(), Some("https://vote.example/1"));
}

#[test]
fn no_number_becomes_infinite_in_silence() {
    let (kind, words) = said("too large", host().action("weigh", json!({ "weight": 1e39 })));
    assert_eq!(kind, ErrorKind::Invalid);
    assert!(words.contains("`/weight`: 1e+39 is greater than the maximum of 3.4028"), "{words}");
    let (kind, words) = said("infinite", host().action("weigh", json!({ "weight": 10.0 })));
    assert_eq!(kind, ErrorKind::Internal);
    assert!(words.contains("the number at /total is infinite"), "{words}");
    let greatest = host().action("weigh", json!({ "weight": f32::MIN_POSITIVE }));
    assert!(greatest.is_ok(), "{greatest:?}");
}

#[test]
fn an_integer_that_no_value_holds_is_told_or_read_as_a_type() {
    #[derive(Serialize)]
    struct Asked {
        weight: f32,
        times: u128,
    }
    let asked = || Asked { weight: 1.0, times: u128::MAX };
    let (kind, words) = said("too wide", host().action("weigh", asked()));
    assert_eq!(kind, ErrorKind::Internal);
    assert!(words.contains("at /times the integer 340282366920938463463"), "{words}");
    assert!(words.contains("Host::action_as"), "{words}");
    let weight: Weight = host().action_as("weigh", asked()).expect("it fits");
    assert_eq!(weight, Weight { total: Some(1e38), times: u128::MAX });
}

mod misspelt {
    use super::*;

    #[derive(Debug)]
    pub struct Notary;

    #[plugin(
        name = "notary",
        config = Config,
        community_platform_id_key = "teem",
        requests(reveal("/signing_secrt"), http("config:/server")),
        route_keys("/tem")
    )]
    impl Notary {
        #[webhook(verify(scheme = "slack-v0", secret = "/signing-secret"))]
        fn receive(&self, _request: WebhookRequest) -> Result<()> {
            Ok(())
        }

        #[global_webhook]
        fn route(&self, _request: WebhookRequest) -> Result<moothall_sdk::Routed> {
            Ok(moothall_sdk::Routed::to_platform("T1"))
        }

        #[filter(hook = "org.moothall.action.requestd.v1")]
        fn guard(&self, _data: Value) -> Result<moothall_sdk::Verdict> {
            Ok(moothall_sdk::Verdict::pass())
        }

        #[worker(name = "tell", events("api.changes"))]
        fn tell(&self, _event: Envelope) -> Result<()> {
            Ok(())
        }
    }
}

#[test]
fn what_a_manifest_misspells_is_found_when_the_host_is_made() {
    let made = std::panic::catch_unwind(|| Host::new(misspelt::Notary));
    let said = made.expect_err("it is refused");
    let said = said.downcast_ref::<String>().expect("a message");
    for words in [
        "community_platform_id_key names `teem`, which the config_schema has not",
        "requests.reveal names `/signing_secrt`",
        "did you mean `/signing_secret`?",
        "requests.http names `config:/server`",
        "route_keys names `/tem`",
        "did you mean `/team`?",
        "verify.secret names `/signing-secret`",
        "did you mean `org.moothall.action.requested.v1`?",
        "the event `api.changes` matches nothing",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}
