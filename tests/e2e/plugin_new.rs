//! `moothall plugin new`: a project of each template does what its README says, and its file serves on a host.

use std::path::Path;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use moothall_tests::command_line::command;
use moothall_tests::{Author, Receiver, Reply, TestHost, answer, curl, until};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

/// The address of the feed in the template's `dev.toml`.
const FEED: &str = "http://127.0.0.1:9000";

/// Makes a project, and runs every command of its README. Returns the component.
fn played(author: &Author, name: &str, template: &str, feed: &str) -> Vec<u8> {
    author.plugin("", &["new", name, "--template", template]).succeeded();
    let dev = format!("{name}/dev.toml");
    author.write(&dev, &author.read(&dev).replace(FEED, feed));
    author.shell(name, "cargo fmt --check").succeeded();
    for (language, lines) in curl::blocks(&author.read(&format!("{name}/README.md"))) {
        assert_eq!(language, "shell", "the README has only commands");
        author.shell(name, &lines).succeeded();
    }
    let checked = author.plugin(name, &["check", "--json"]).succeeded();
    let checked: Value = serde_json::from_str(&checked).expect("one JSON object");
    assert_eq!((&checked["serves"], &checked["name"]), (&json!(true), &json!(name)));
    let built = author.plugin(name, &["build", "--json"]).succeeded();
    let built: Value = serde_json::from_str(&built).expect("one JSON object");
    assert_eq!(built["digest"], checked["digest"]);
    let file = built["file"].as_str().expect("a path");
    std::fs::read(file).expect("the component is where it was said to be")
}

/// Puts a component on a host, and enables it for a community.
async fn enabled(host: &TestHost, name: &str, component: &[u8], config: Value) {
    let file = format!("{name}.wasm");
    host.put_plugin(&file, component);
    until("it serves", async || (host.file(&file).await["status"] == "ready").then_some(())).await;
    host.community(name, name, config).await;
}

#[tokio::test]
async fn a_project_of_the_template_hello_greets() {
    let author = Author::new("hello");
    let component = played(&author, "greeter-2", "hello", FEED);
    let host = TestHost::with(&[]).start().await;
    enabled(&host, "greeter-2", &component, json!({ "greeting": "Ahoy" })).await;
    let greeting = host.result("greeter-2", "greeter-2.greet", json!({ "name": "Ann" })).await;
    assert_eq!(greeting, json!({ "text": "Ahoy, Ann!", "greeted": 1 }));
}

#[tokio::test]
async fn a_project_of_the_template_webhook_turns_signed_webhooks_into_events() {
    let author = Author::new("webhook");
    let component = played(&author, "platform-x", "webhook", FEED);
    let host = TestHost::with(&[]).start().await;
    let secret = "another secret of 16 bytes and more";
    enabled(&host, "platform-x", &component, json!({ "signing_secret": secret })).await;
    let body = r#"{"id":"1","account":"ann","text":"Tea?"}"#;
    let send = async |signature: &str| {
        let request = host.request(Method::POST, "/api/hooks/platform-x/platform-x").body(body);
        answer(request.header("X-Signature-256", format!("sha256={signature}"))).await.status
    };
    assert_eq!(send(&"0".repeat(64)).await, 401, "a wrong signature");
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(body.as_bytes());
    let signature: String =
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(send(&signature).await, 200);
    let posts = host.result("platform-x", "platform-x.received", json!({})).await;
    assert_eq!(posts, json!({ "posts": 1 }));
}

#[tokio::test]
async fn a_project_of_the_template_process_votes() {
    let author = Author::new("process");
    let component = played(&author, "vote", "process", FEED);
    let host = TestHost::with(&[]).start().await;
    enabled(&host, "vote", &component, json!({ "webhook_slug": "s3cret" })).await;
    let path = "/api/internal/process/vote.vote";
    let started = host.request(Method::POST, path).header("X-Metagov-Community", "vote");
    let started = answer(started.json(&json!({ "title": "Tea?" }))).await.expect(202);
    let ballot = json!({ "account": "ann", "choice": "yes" });
    let cast = host.request(Method::POST, "/api/hooks/vote/vote/s3cret").json(&ballot);
    assert_eq!(answer(cast).await.status, 200);
    let id = started["id"].as_str().expect("an id");
    let closed = host.delete(&format!("{path}/{id}")).await.expect(200);
    let outcome = json!({ "title": "Tea?", "votes": { "no": 0, "yes": 1 } });
    assert_eq!((&closed["status"], &closed["outcome"]), (&json!("completed"), &outcome));
}

#[tokio::test]
async fn a_project_of_the_template_background_asks_its_feed() {
    let (author, feed) = (Author::new("background"), Receiver::start().await);
    feed.otherwise(Reply::Body(200, "[]".to_owned()));
    let (author, component) = {
        let url = feed.url.clone();
        let play = move || {
            let component = played(&author, "news", "background", &url);
            (author, component)
        };
        tokio::task::spawn_blocking(play).await.expect("the README's commands work")
    };
    let checked = author.plugin("news", &["check"]).succeeded();
    assert!(
        checked.contains("[plugins.news]\ngrants = { http = [\"config:/feed_url\"] }"),
        "{checked}"
    );

    let grants =
        "[plugins.news]\ngrants = { http = [\"config:/feed_url\"], cidr = [\"127.0.0.0/8\"] }";
    let host = TestHost::with(&[]).toml(grants).start().await;
    feed.otherwise(Reply::Body(200, r#"[{ "id": 1, "title": "Tea" }]"#.to_owned()));
    enabled(&host, "news", &component, json!({ "feed_url": format!("{}/items", feed.url) })).await;
    host.advance(Duration::from_secs(70));
    until("the item was found, and counted by the worker", async || {
        let report = host.result("news", "news.report", json!({})).await;
        (report["today"].as_u64() > Some(0)).then_some(())
    })
    .await;
}

#[test]
fn what_cannot_be_made_is_refused_with_what_can() {
    let author = Author::new("refused");
    for (arguments, said) in [
        (&["new", "Greeter"][..], "the plugin's name `Greeter`"),
        (&["new", "async"][..], "choose another name"),
        (&["new", "api"][..], "the plugin's name `api`"),
    ] {
        let refused = author.plugin("", arguments).failed_with(1);
        assert!(refused.contains(said), "{arguments:?}: {refused}");
    }
    for option in [["--lang", "python"], ["--template", "other"]] {
        let refused = author.plugin("", &["new", "x", option[0], option[1]]).failed_with(2);
        assert!(refused.contains("[possible values: "), "{refused}");
    }
    author.plugin("", &["new", "x", "--registry"]).succeeded();
    assert!(author.read("x/Cargo.toml").contains("moothall-sdk = \"0."));
    assert!(!author.path("x/moothall-sdk").exists() && !author.read("x/README.md").contains("{{"));
    let again = author.plugin("", &["new", "x"]).failed_with(1);
    assert!(again.contains("x exists already; name another folder with --path"), "{again}");
    let outside = author.plugin("", &["build"]).failed_with(1);
    assert!(outside.contains("moothall plugin new NAME"), "{outside}");
}

#[test]
fn the_sdk_of_a_project_is_renewed_but_not_over_an_author_s_changes() {
    let author = Author::new("sdk");
    author.plugin("", &["new", "x"]).succeeded();
    let same = author.plugin("x", &["update-sdk"]).succeeded();
    assert!(same.contains("already"), "{same}");
    let file = "x/moothall-sdk/plugin-sdk/src/lib.rs";
    let original = author.read(file);
    author.write(file, "// mine");
    let refused = author.plugin("x", &["update-sdk"]).failed_with(1);
    assert!(refused.contains("would be lost") && author.read(file) == "// mine", "{refused}");
    author.plugin("x", &["update-sdk", "--force"]).succeeded();
    assert_eq!(author.read(file), original);
    std::fs::remove_dir_all(author.path("x/moothall-sdk")).expect("it was there");
    let elsewhere = author.plugin("x", &["update-sdk"]).failed_with(1);
    assert!(elsewhere.contains("cargo update -p moothall-sdk"), "{elsewhere}");
}

#[test]
fn shells_and_manual_pages_know_the_commands() {
    let author = Author::new("manual");
    for shell in ["bash", "zsh", "fish"] {
        let script = command(&author.path(""), &["completions", shell]).succeeded();
        assert!(script.contains("update-sdk"), "{shell}");
    }
    assert!(command(&author.path(""), &["man"]).succeeded().contains("moothall"));
    command(&author.path(""), &["man", "pages"]).succeeded();
    assert!(author.read("pages/moothall-plugin-new.1").contains("template"));
}

#[test]
fn the_commands_of_the_authors_chapter_give_the_answers_below_them() {
    let author = Author::new("chapter");
    let chapter = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/docs/plugin-commands.md");
    let chapter = std::fs::read_to_string(chapter).expect("the chapter");
    let (mut folder, mut said, mut answers) = ("", String::new(), 0);
    for (language, block) in curl::blocks(&chapter) {
        match language.as_str() {
            "shell" => said = author.shell(folder, &block).succeeded(),
            "json" => {
                let read = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
                assert_eq!(read(&said), read(&block));
                answers += 1;
            }
            other => panic!("the chapter has a block of `{other}`"),
        }
        // The first command makes the project; the others are for its folder.
        folder = "greeter";
    }
    assert!(answers > 0, "the chapter promises an answer");
}
