//! `moothall plugin dev`: what an author changes is served, and a mistake leaves what serves.

mod running_host;
mod shown;

use std::time::Duration;

use moothall_tests::{Author, Developing, Driver, until, until_within};
use serde_json::{Value, json};

// Each project has a name of its own: they share what cargo builds, by name.
const SOURCE: &str = "waver/src/lib.rs";
const DEV: &str = "hailer/dev.toml";

/// The host that serves what is developed.
pub fn host(said: &str) -> Driver {
    let line = said.lines().rev().find(|line| line.contains("serves at")).expect("a URL");
    let url = line.split(' ').find(|word| word.starts_with("http://")).expect("a URL");
    Driver::new(url.to_owned())
}

async fn greeting(host: &Driver, plugin: &str) -> Value {
    host.result("dev", &format!("{plugin}.greet"), json!({ "name": "Ann" })).await
}

async fn started(author: &Author, plugin: &str) -> (Developing, Driver) {
    author.plugin("", &["new", plugin]).succeeded();
    let developing = author.dev(plugin);
    let said = developing.says("serves at", 1).await;
    (developing, host(&said))
}

#[tokio::test]
async fn a_changed_source_replaces_what_serves_and_a_mistake_does_not() {
    let author = Author::new("dev");
    let (mut developing, host) = started(&author, "waver").await;
    assert_eq!(greeting(&host, "waver").await, json!({ "text": "Hello, Ann!", "greeted": 1 }));

    let source = author.read(SOURCE);
    author.write(SOURCE, &source.replace("{}, {}!", "{}, dear {}!"));
    let said = developing.says("serves as it is now", 1).await;
    assert!(said.contains(" s after the change"), "{said}");
    let changed = greeting(&host, "waver").await;
    assert_eq!(changed, json!({ "text": "Hello, dear Ann!", "greeted": 2 }), "the state stays");

    assert!(source.contains("struct Waver"), "{source}");
    author.write(SOURCE, &source.replace("struct Waver", "struct"));
    developing.says("the plugin does not build", 1).await;
    assert_eq!(greeting(&host, "waver").await["greeted"], 3, "the version before goes on serving");

    author.write(SOURCE, &source.replace("slug = \"greet\"", "slug = \"welcome\""));
    developing.says("serves as it is now", 2).await;
    assert_eq!(host.action("dev", "waver.greet", json!({})).await.status, 404);

    assert_eq!(developing.terminate(), Some(0));
    gone(&host).await;
}

#[tokio::test]
async fn a_changed_dev_toml_starts_the_host_again_and_the_plugin_s_log_is_shown() {
    let author = Author::new("dev-config");
    let (mut developing, _) = started(&author, "hailer").await;
    author.write(DEV, "[config]\ngreeting = 7\n");
    let said = developing.says("cannot be enabled", 1).await;
    assert!(said.contains("/greeting"), "{said}");
    author.write(DEV, "[config]\ngreeting = \"Ahoy\"\n");
    let said = developing.says("serves at", 2).await;
    let host = host(&said);
    assert_eq!(greeting(&host, "hailer").await, json!({ "text": "Ahoy, Ann!", "greeted": 1 }));
    // A host that nobody could end any more ends by itself.
    developing.kill_9();
    gone(&host).await;
}

#[tokio::test]
async fn a_folder_in_the_place_of_the_sources_and_another_name_are_noticed() {
    let author = Author::new("dev-replaced");
    let (mut developing, host) = started(&author, "swapper").await;
    // As `git checkout` and some editors do it.
    let lines = "cp -r src other && sed -i 's/{}, {}!/{}, new {}!/' other/lib.rs && mv src old && mv other src";
    author.shell("swapper", lines).succeeded();
    developing.says("serves as it is now", 1).await;
    assert_eq!(greeting(&host, "swapper").await["text"], "Hello, new Ann!");

    let source = author.read("swapper/src/lib.rs");
    author.write("swapper/src/lib.rs", &source.replace("name = \"swapper\"", "name = \"swapped\""));
    let said = developing.says("serves as it is now", 2).await;
    assert!(said.contains("`swapped` serves as it is now"), "{said}");
    let greeting = greeting(&host, "swapped").await;
    assert_eq!(greeting, json!({ "text": "Hello, new Ann!", "greeted": 1 }), "a new instance");
    assert_eq!(developing.terminate(), Some(0));
    assert_eq!(author.temporary(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn a_host_that_has_ended_is_noticed_and_started_again() {
    let author = Author::new("dev-killed");
    let (mut developing, _) = started(&author, "phoenix").await;
    developing.kill_host();
    let said = developing.says("the host has ended (signal: 9", 1).await;
    // Right after its start, or later: it depends on how busy the machine is.
    if said.contains("the next change starts it again") {
        author.write("phoenix/dev.toml", "[config]\ngreeting = \"Ahoy\"\n");
    }
    let said = developing.says("serves at", 2).await;
    assert!(host(&said).get("/healthz").await.status == 200);
    assert_eq!(developing.terminate(), Some(0));
}

#[tokio::test]
async fn the_second_signal_ends_it_in_the_middle_of_a_build() {
    let author = Author::new("dev-impatient");
    author.plugin("", &["new", "slow"]).succeeded();
    // Ends with the test, or at the latest after a minute.
    let wait = "fn main() {
        std::fs::write(\"building\", \"\").unwrap();
        for _ in 0..600 {
            if std::path::Path::new(\"go-on\").exists() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }";
    author.write("slow/build.rs", wait);
    let mut developing = author.dev("slow");
    until_within(Duration::from_secs(900), "it builds", async || {
        author.path("slow/building").exists().then_some(())
    })
    .await;
    developing.interrupt();
    developing.interrupt();
    // Signals of one kind that wait are one: it may have taken both as the first.
    let code = until("it has ended", async || {
        developing.interrupt_if_there();
        developing.has_ended()
    })
    .await;
    author.write("slow/go-on", "");
    assert_eq!(code, Some(130));
    assert_eq!(author.temporary(), Vec::<std::path::PathBuf>::new());
}

/// Waits until nobody answers there.
async fn gone(host: &Driver) {
    until("the host has ended", async || {
        let asked = host.request(reqwest::Method::GET, "/healthz").send().await;
        asked.is_err().then_some(())
    })
    .await;
}
