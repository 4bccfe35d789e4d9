//! `moothall plugin call`: one call of a plugin, on a host of its own or on a running one.

use std::net::TcpListener;
use std::path::PathBuf;

use moothall_tests::command_line::{Ended, command};
use moothall_tests::{Author, Authority, Receiver, Reply, TestHost, guests, until};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with a guest's file, and a `dev.toml`.
struct DevFolder(TempDir);

impl DevFolder {
    fn new(guest: &str, dev: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("plugin.wasm"), guests::bytes(guest)).expect("written");
        std::fs::write(folder.path().join("dev.toml"), dev).expect("written");
        Self(folder)
    }

    /// On a host of its own.
    fn call(&self, arguments: &[&str]) -> Ended {
        self.run(&[arguments, &["--file", "plugin.wasm"]].concat())
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        command(self.0.path(), &[&["plugin", "call"][..], arguments].concat())
    }
}

fn json(ended: Ended) -> Value {
    serde_json::from_str(&ended.succeeded()).expect("the answer alone is on standard output")
}

const TUTORIAL: &str = "[config]\napi_key = \"ABC123\"\n";

#[test]
fn an_action_is_called_with_the_configuration_of_dev_toml() {
    let desk = DevFolder::new("tutorial", TUTORIAL);
    let doubled = desk.call(&["action", "times-two", r#"{ "value": 5 }"#]);
    assert!(doubled.stderr.contains("info  initialized with foo = bar"), "{}", doubled.stderr);
    assert_eq!(json(doubled), json!({ "result": 10 }));
    let dry = json(desk.call(&["action", "my-action", r#"{ "x": 3 }"#, "--dry-run"]));
    assert_eq!(dry["effects"]["state"]["obj"], json!({ "x": 3 }));
}

#[test]
fn what_goes_wrong_is_told_and_fails() {
    let desk = DevFolder::new("tutorial", TUTORIAL);
    let wrong = desk.call(&["action", "times-two", r#"{ "value": "five" }"#]).failed_with(1);
    assert!(wrong.contains("the call failed: 400 invalid_parameters"), "{wrong}");
    for (arguments, said) in [
        (&["action", "times-two", "[1]"][..], "it must be a JSON object"),
        (&["action", "times-two", "{"][..], "it is no JSON"),
        (&["webhook", "{}", "--header", "nothing"][..], "`Name: value`"),
        (&["tick", "other"][..], "has no schedule `other`"),
        (
            &["action", "ping", "--host", "127.0.0.1:1", "--community", "c", "--plugin", "p"][..],
            "cannot be used with",
        ),
    ] {
        let ended = desk.call(arguments);
        assert!(ended.code > 0 && ended.stderr.contains(said), "{arguments:?}: {ended:?}");
    }
    let unfit = DevFolder::new("tutorial", "").call(&["action", "times-two"]).failed_with(1);
    assert!(unfit.contains("[config] of dev.toml") && unfit.contains("api_key"), "{unfit}");
    let unknown =
        DevFolder::new("tutorial", "nonsense = 1").call(&["action", "times-two"]).failed_with(1);
    assert!(
        unknown.contains("nonsense") && unknown.contains("the host does not start"),
        "{unknown}"
    );
}

#[test]
fn processes_and_webhooks_are_called_and_events_are_shown() {
    let desk = DevFolder::new("tutorial", TUTORIAL);
    let vote = json(desk.call(&["process", "my-gov-process", r#"{ "title": "Lunch?" }"#]));
    assert_eq!(
        (&vote["name"], &vote["status"]),
        (&json!("tutorial.my-gov-process"), &json!("pending"))
    );
    let post = r#"{ "data": { "title": "Tea" }, "account": "ann" }"#;
    let posted = desk.call(&["webhook", post, "--header", "X-Any: thing", "--query", "a=b"]);
    assert!(posted.stderr.contains(r#"event tutorial:post_created {"title":"Tea"}"#), "{posted:?}");
    assert!(posted.stderr.contains("status 200"), "{posted:?}");
    posted.succeeded();
}

#[tokio::test]
async fn a_tick_comes_when_it_is_called_for() {
    let platform = Receiver::start().await;
    platform.otherwise(Reply::Body(200, r#"[{ "id": 1, "title": "Tea" }]"#.to_owned()));
    let dev = format!(
        "{TUTORIAL}server_url = \"{}\"\n[plugins.tutorial]\ngrants = {{ http = [\"config:/server_url\"], cidr = [\"127.0.0.0/8\"] }}\n",
        platform.url
    );
    let desk = DevFolder::new("tutorial", &dev);
    let ticked = tokio::task::spawn_blocking(move || desk.call(&["tick"])).await.expect("it ends");
    assert!(ticked.stderr.contains(r#"event tutorial:post_created {"title":"Tea"}"#), "{ticked:?}");
    assert!(ticked.succeeded().starts_with("ticked at "));
    assert_eq!(platform.received().len(), 1);
}

#[test]
fn a_configuration_that_a_plugin_of_the_whole_host_does_not_have_is_told() {
    let host = "[plugins.resident]\nscope = \"host\"\nsettings = { label = \"blue\" }\n";
    let told = "the [config] of dev.toml is not used";
    // It has no producer; what is told comes before.
    let ticked = DevFolder::new("resident", host).call(&["tick"]);
    assert!(!ticked.stderr.contains(told), "{ticked:?}");
    let ticked =
        DevFolder::new("resident", &format!("[config]\nlabel = \"red\"\n{host}")).call(&["tick"]);
    assert!(ticked.stderr.contains(told), "{ticked:?}");
}

#[tokio::test]
async fn a_running_host_is_called_with_a_key() {
    let host = TestHost::with(&["tutorial"]).start().await;
    host.community("acme", "tutorial", json!({ "api_key": "ABC123" })).await;
    let key = host.create_key("author");
    until("the key is needed", async || {
        (host.get("/api/internal/plugins").await.status == 401).then_some(())
    })
    .await;
    let desk = DevFolder::new("tutorial", "");
    let action =
        ["action", "my-action", r#"{ "x": 7 }"#, "--host", &host.url, "--community", "acme"];
    let call = [&action[..], &["--plugin", "tutorial"]].concat();
    let refused = desk.run(&call).failed_with(1);
    assert!(refused.contains("401") && refused.contains("--key-file"), "{refused}");
    std::fs::write(desk.0.path().join("key"), key).expect("written");
    let keyed = [&call[..], &["--key-file", "key"]].concat();
    assert_eq!(json(desk.run(&keyed))["obj"], json!({ "x": 7 }));
    let tick = ["tick", "--host", &host.url, "--community", "acme", "--plugin", "tutorial"];
    let refused = desk.run(&tick).failed_with(1);
    assert!(refused.contains("leave out --host"), "{refused}");
    let nowhere =
        ["action", "x", "--host", "http://127.0.0.1:1", "--community", "c", "--plugin", "p"];
    let refused = desk.run(&nowhere).failed_with(1);
    assert!(refused.contains("nothing listens at http://127.0.0.1:1"), "{refused}");
}

#[tokio::test]
async fn what_is_no_host_is_told_apart() {
    let (desk, other) = (DevFolder::new("tutorial", ""), Receiver::start().await);
    let authority = Authority::new("Nobody");
    let secured = Receiver::start_tls(authority.server("127.0.0.1")).await;
    let base = |receiver: &Receiver| receiver.url.trim_end_matches("/events").to_owned();
    let (plain, tls) = (base(&other), base(&secured));
    let ask = async |reply: Reply, url: &str| {
        other.otherwise(reply);
        let (folder, url) = (desk.0.path().to_owned(), url.to_owned());
        let run = move || {
            let arguments = ["plugin", "check", "plugin.wasm", "--running", "--host", &url];
            command(&folder, &arguments).failed_with(1)
        };
        tokio::task::spawn_blocking(run).await.expect("it ends")
    };
    for (reply, url, said) in [
        (Reply::Status(200), plain.clone(), "is no Moothall host"),
        (Reply::Body(404, "{\"error\":\"?\"}".to_owned()), plain.clone(), "is no Moothall host"),
        (
            Reply::With(302, "location", "https://x.example/".to_owned()),
            plain.clone(),
            "a redirect to https://x.example/",
        ),
        (Reply::Close, plain.clone(), "closed the connection without an answer"),
        (Reply::Body(200, " ".repeat(65 << 20)), plain.clone(), "more than 64 MiB"),
        (Reply::Status(200), tls.clone(), "is not one that this machine trusts"),
        (
            Reply::Status(200),
            "http://no-such-host.invalid".to_owned(),
            "the name in http://no-such-host.invalid has no address",
        ),
    ] {
        let refused = ask(reply, &url).await;
        assert!(refused.contains(said), "{url}: {refused}");
        assert!(!refused.contains("nothing listens"), "{url}: {refused}");
    }
}

#[tokio::test]
async fn names_stay_parts_of_the_paths_that_they_are_in() {
    let host = TestHost::with(&["tutorial"]).start().await;
    host.community("acme", "tutorial", json!({ "api_key": "ABC123" })).await;
    let desk = DevFolder::new("tutorial", "");
    // With `..` this would ask for the plugins, and with `?` for a dry run.
    for slug in ["x/../../plugins", "times-two?dry_run=true"] {
        let call = ["action", slug, r#"{ "value": 1 }"#, "--host", &host.url];
        let call = [&call[..], &["--community", "acme", "--plugin", "tutorial"]].concat();
        let refused = desk.run(&call).failed_with(1);
        assert!(refused.contains("404 unknown_action"), "{slug}: {refused}");
    }
}

#[test]
fn an_interrupted_command_leaves_nothing_behind() {
    let author = Author::new("interrupted");
    let wasm = guests::file("misbehaving");
    let wasm = wasm.to_str().expect("a path of text");
    let hold = r#"{ "bytes": 1, "ms": 60000 }"#;
    let mut calling = author.begin("", &["call", "action", "hold", hold, "--file", wasm]);
    // In the middle of whatever it does with its host.
    author.await_temporary("data/moothall.db");
    calling.interrupt();
    assert_eq!(calling.ended(), Some(130));
    assert_eq!(author.temporary(), Vec::<PathBuf>::new());

    // A listener that nobody accepts from: the command waits for an answer.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let mut checking = author.begin("", &["check", wasm, "--running", "--host", &url]);
    let (_connection, _) =
        silent.accept().expect("it asks the host after it has examined the file");
    assert!(!author.temporary().is_empty(), "it has a directory");
    checking.interrupt();
    assert_eq!(checking.ended(), Some(130));
    assert_eq!(author.temporary(), Vec::<PathBuf>::new());
}
