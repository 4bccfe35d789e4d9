//! `moothall plugin new`: a project of each template does what its README says, and its file serves on a host.

pub mod templates;

use std::path::Path;

use moothall_tests::command_line::command;
use moothall_tests::{Author, Receiver, Reply, curl};
use serde_json::{Value, json};

/// The address of the feed in the template's `dev.toml`.
const FEED: &str = "http://127.0.0.1:9000";

/// Makes a project, and runs every command of its README. Returns the component.
fn played(author: &Author, name: &str, template: &str, feed: &str) -> Vec<u8> {
    author.plugin("", &["new", name, "--template", template]).succeeded();
    let dev = format!("{name}/dev.toml");
    author.write(&dev, &author.read(&dev).replace(FEED, feed));
    author.shell(name, "cargo fmt --check").succeeded();
    let version = |lock: &str| {
        let from = lock.find("name = \"serde_json\"").expect("the SDK needs it");
        lock[from..].lines().find(|line| line.starts_with("version")).map(str::to_owned)
    };
    let before = author.read(&format!("{name}/Cargo.lock"));
    play(author, name);
    let after = author.read(&format!("{name}/Cargo.lock"));
    assert_eq!(version(&after), version(&before), "a committed lock file is what CI builds with");
    let checked = author.plugin(name, &["check", "--json"]).succeeded();
    let checked: Value = serde_json::from_str(&checked).expect("one JSON object");
    assert_eq!((&checked["serves"], &checked["name"]), (&json!(true), &json!(name)));
    let built = author.plugin(name, &["build", "--json"]).succeeded();
    let built: Value = serde_json::from_str(&built).expect("one JSON object");
    assert_eq!(built["digest"], checked["digest"]);
    let file = built["file"].as_str().expect("a path");
    std::fs::read(author.path(name).join(file)).expect("the component is where it was said to be")
}

/// Runs every command of a project's README.
pub fn play(author: &Author, name: &str) {
    for (language, lines) in curl::blocks(&author.read(&format!("{name}/README.md"))) {
        assert_eq!(language, "shell", "the README has only commands");
        author.shell(name, &lines).succeeded();
    }
}

#[tokio::test]
async fn a_project_of_the_template_hello_greets() {
    let author = Author::new("hello");
    templates::hello("greeter-2", &played(&author, "greeter-2", "hello", FEED)).await;
}

#[tokio::test]
async fn a_project_of_the_template_webhook_turns_signed_webhooks_into_events() {
    let author = Author::new("webhook");
    templates::webhook("platform-x", &played(&author, "platform-x", "webhook", FEED)).await;
}

#[tokio::test]
async fn a_project_of_the_template_process_votes() {
    let author = Author::new("process");
    templates::process("vote", &played(&author, "vote", "process", FEED)).await;
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
    templates::background("news", &component, &feed).await;
}

#[test]
fn what_cannot_be_made_is_refused_with_what_can() {
    let author = Author::new("refused");
    for (arguments, said) in [
        (&["new", "Greeter"][..], "the plugin's name `Greeter`"),
        (&["new", "async"][..], "choose another name"),
        (&["new", "moothall-sdk-macros"][..], "choose another name"),
        (&["new", "zod", "--lang", "js"][..], "choose another name"),
        (&["new", "api"][..], "the plugin's name `api`"),
    ] {
        let refused = author.plugin("", arguments).failed_with(1);
        assert!(refused.contains(said), "{arguments:?}: {refused}");
    }
    for option in [["--lang", "perl"], ["--template", "other"]] {
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
fn somebody_s_own_folder_is_left_alone() {
    let author = Author::new("own-folder");
    author
        .shell("", "mkdir .x.partial && echo mine > .x.partial/note && ln -s nowhere link")
        .succeeded();
    author.plugin("", &["new", "x"]).succeeded();
    assert_eq!(author.read(".x.partial/note"), "mine\n");
    let refused = author.plugin("", &["new", "x", "--path", "link"]).failed_with(1);
    assert!(refused.contains("link exists already"), "{refused}");
    author.plugin("", &["new", "x", "--path", "a/b/x"]).succeeded();
    assert!(author.path("a/b/x/Cargo.toml").is_file());
    let hidden = author.shell("", "ls -A . a/b").succeeded();
    assert!(!hidden.contains("moothall-new"), "nothing unfinished is left: {hidden}");
}

#[test]
fn the_sdk_of_a_project_is_renewed_but_not_over_an_author_s_changes() {
    for (language, from_registry) in [
        ("rust", "cargo update -p moothall-sdk"),
        ("python", "requirements.txt"),
        ("js", "npm install moothall@latest"),
    ] {
        let author = Author::new(&format!("sdk-{language}"));
        author.plugin("", &["new", "x", "--lang", language]).succeeded();
        let same = author.plugin("x", &["update-sdk"]).succeeded();
        assert!(same.contains("already"), "{same}");
        let file = "x/moothall-sdk/LICENSE";
        let original = author.read(file);
        author.write(file, "mine");
        let refused = author.plugin("x", &["update-sdk"]).failed_with(1);
        assert!(refused.contains("would be lost") && author.read(file) == "mine", "{refused}");
        author.plugin("x", &["update-sdk", "--force"]).succeeded();
        assert_eq!(author.read(file), original);
        std::fs::remove_dir_all(author.path("x/moothall-sdk")).expect("it was there");
        let elsewhere = author.plugin("x", &["update-sdk"]).failed_with(1);
        assert!(elsewhere.contains(from_registry), "{elsewhere}");
    }
}

#[test]
fn a_tool_that_is_missing_is_named_with_where_to_get_it() {
    let author = Author::new("no-tools");
    for (language, said) in [
        ("rust", "install Rust from https://rustup.rs"),
        ("python", "install Python 3.11 or later from https://www.python.org"),
        ("js", "install Node.js 22.18 or later from https://nodejs.org"),
    ] {
        author.plugin("", &["new", language, "--lang", language]).succeeded();
        for arguments in [&["build"][..], &["test"], &["check"], &["call", "action", "x"]] {
            let refused = author.plugin_without_tools(language, arguments).failed_with(1);
            assert!(refused.contains(said), "{arguments:?}: {refused}");
        }
    }
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
            // What does not end by itself, and is tested elsewhere.
            "text" => {}
            other => panic!("the chapter has a block of `{other}`"),
        }
        // The first command makes the project; the others are for its folder.
        folder = "greeter";
    }
    assert!(answers > 0, "the chapter promises an answer");
}
