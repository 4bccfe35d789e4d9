//! `moothall plugin new --lang python|js`: a project of each template builds and passes its tests at once, and its plugin
//! does what the one in Rust does.

use moothall_tests::{Author, Driver, Receiver, Reply};
use serde_json::{Value, json};

use crate::plugin_new::{play, templates};

const LANGUAGES: [&str; 2] = ["js", "python"];

/// Makes a project, runs its tests and builds it. Returns the component.
fn built(author: &Author, name: &str, language: &str, template: &str) -> Vec<u8> {
    author.plugin("", &["new", name, "--lang", language, "--template", template]).succeeded();
    let tested = author.plugin(name, &["test"]);
    assert_eq!(tested.code, 0, "{language} {template}: {tested:?}");
    component(author, name)
}

fn component(author: &Author, name: &str) -> Vec<u8> {
    let built = author.plugin(name, &["build", "--json"]).succeeded();
    let built: Value = serde_json::from_str(&built).expect("one JSON object");
    let file = built["file"].as_str().expect("a path");
    std::fs::read(author.path(name).join(file)).expect("the component is where it was said to be")
}

#[tokio::test]
async fn a_project_of_the_template_hello_does_what_its_readme_says() {
    for language in LANGUAGES {
        let (author, name) = (Author::new(&format!("hello-{language}")), "hailer");
        author.plugin("", &["new", name, "--lang", language]).succeeded();
        play(&author, name);
        let checked = author.plugin(name, &["check", "--json"]).succeeded();
        let checked: Value = serde_json::from_str(&checked).expect("one JSON object");
        assert_eq!((&checked["serves"], &checked["name"]), (&json!(true), &json!(name)));
        templates::hello(name, &component(&author, name)).await;
        // What was installed is used again, also by a project whose packages cannot be reached.
        let again = author.plugin(name, &["test"]);
        assert!(again.code == 0 && !again.stderr.contains("installing"), "{again:?}");
    }
}

#[tokio::test]
async fn a_project_of_the_template_webhook_turns_signed_webhooks_into_events() {
    for language in LANGUAGES {
        let author = Author::new(&format!("webhook-{language}"));
        templates::webhook("platform-y", &built(&author, "platform-y", language, "webhook")).await;
    }
}

#[tokio::test]
async fn a_project_of_the_template_process_votes() {
    for language in LANGUAGES {
        let author = Author::new(&format!("process-{language}"));
        templates::process("poll", &built(&author, "poll", language, "process")).await;
    }
}

#[tokio::test]
async fn a_project_of_the_template_background_asks_its_feed() {
    let feed = Receiver::start().await;
    for language in LANGUAGES {
        feed.otherwise(Reply::Body(200, "[]".to_owned()));
        let author = Author::new(&format!("background-{language}"));
        templates::background("paper", &built(&author, "paper", language, "background"), &feed)
            .await;
    }
}

#[tokio::test]
async fn a_changed_source_replaces_what_serves_and_a_mistake_does_not() {
    for (language, source, mistake) in
        [("js", "src/plugin.ts", "definePlugin({"), ("python", "src/plugin.py", "@dataclass")]
    {
        let author = Author::new(&format!("dev-{language}"));
        author.plugin("", &["new", "waver", "--lang", language]).succeeded();
        let file = format!("waver/{source}");
        let mut developing = author.dev("waver");
        let said = developing.says("serves at", 1).await;
        let url = said.split_whitespace().find(|word| word.starts_with("http://")).expect("a URL");
        let host = Driver::new(url.to_owned());
        let greet = async || host.result("dev", "waver.greet", json!({ "name": "Ann" })).await;
        assert_eq!(greet().await, json!({ "text": "Hello, Ann!", "greeted": 1 }));

        let text = author.read(&file);
        author.write(&file, &text.replace("}, ", "}, dear "));
        developing.says("serves as it is now", 1).await;
        assert_eq!(greet().await, json!({ "text": "Hello, dear Ann!", "greeted": 2 }));

        assert!(text.contains(mistake), "{text}");
        author.write(&file, &text.replace(mistake, &format!("({mistake}")));
        developing.says("the plugin does not build", 1).await;
        assert_eq!(greet().await["greeted"], 3, "the version before goes on serving");
        assert_eq!(developing.terminate(), Some(0));
    }
}

#[test]
fn a_renewed_sdk_is_installed_with_what_it_needs() {
    let author = Author::new("renewed");
    author.plugin("", &["new", "x", "--lang", "js"]).succeeded();
    author.plugin("x", &["test"]).succeeded();
    // As an older SDK would have it.
    let manifest = "x/moothall-sdk/package.json";
    author.write(
        manifest,
        &author.read(manifest).replace("\"ajv-formats\": \"3.0.1\"", "\"ajv-formats\": \"3.0.0\""),
    );
    author.plugin("x", &["update-sdk", "--force"]).succeeded();
    author.plugin("x", &["test"]).succeeded();
    let installed = author.read("x/node_modules/ajv-formats/package.json");
    assert!(installed.contains("\"3.0.1\""), "{installed}");
}
