//! Moving from Metagov's gateway: the script of the book, with a database that the gateway's own code has made
//! (`tests/reference/metagov`), against stand-ins of the platforms.

mod input;
mod scene;

use moothall_tests::platforms::discord;
use moothall_tests::{Answer, curl};
use serde_json::{Value, json};

use scene::{MoveScene, SCRIPT, book, enabled, lines_with};

/// What is different in the communities that need it.
fn changes() -> Value {
    json!({
        "acme.example": { "slug": "acme-example" },
        "acme": { "plugins": { "mailgun": null } },
        "octo": { "plugins": { "opencollective": null } }
    })
}

#[tokio::test]
async fn communities_plugins_people_and_accounts_are_moved_and_work() {
    let scene = MoveScene::new().await;
    let ended = scene.run(&["db.sqlite3", "--to", &scene.host.url]).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    assert_eq!(
        lines_with(&ended.stdout, "NOT MOVED"),
        [
            "acme: plugin mailgun NOT MOVED: the host has no plugin of this name",
            "acme: account bob@acme.example on mailgun NOT MOVED: Plugin 'mailgun' not enabled for community 'acme'",
            "acme: process randomness.delayed-stochastic-vote 1 NOT MOVED: it is pending",
            "octo: plugin opencollective (octo) NOT MOVED: the host has no plugin of this name",
            "acme.example: community NOT MOVED: here a slug has 1 to 50 letters, digits, - and _; give it another one with --changes",
        ]
    );
    assert!(
        ended.stdout.contains("acme: webhooks arrive at /api/hooks/acme/discourse\n"),
        "{ended:?}"
    );
    configurations_are_those_of_the_gateway(&scene).await;
    people_are_those_of_the_gateway(&scene).await;
    plugins_act(&scene).await;
}

async fn configurations_are_those_of_the_gateway(scene: &MoveScene) {
    let acme = scene.community("acme").await;
    assert_eq!(acme["readable_name"], "Acme Tea");
    let forum = &scene.forum.url;
    let shown = |config: &Value| {
        (config["server_url"].clone(), config["default_high"].clone(), config["guild_id"].clone())
    };
    let configs: Vec<_> = scene.instances("acme").await;
    let names: Vec<_> = configs.iter().map(|(name, id, _)| (name.as_str(), id.clone())).collect();
    assert_eq!(
        names,
        [("discourse", json!(forum)), ("randomness", Value::Null), ("revshare", Value::Null)]
    );
    assert_eq!(shown(&configs[0].2).0, json!(forum));
    assert_eq!(shown(&configs[1].2).1, 7);
    let octo = scene.instances("octo").await;
    let names: Vec<_> = octo.iter().map(|(name, id, _)| (name.as_str(), id.clone())).collect();
    assert_eq!(
        names,
        [
            ("discord", json!(discord::GUILD)),
            ("github", json!("1001")),
            ("sourcecred", json!("https://cred.example.net")),
            ("sourcecred", json!("https://cred.example.org")),
        ]
    );
    assert_eq!(shown(&octo[0].2).2, 1_200_000_000_000_000_001_u64);
    let makers = scene.instances("makers").await;
    let keys = &makers[0].2["subgroup_api_keys"];
    assert_eq!((makers[0].1.clone(), keys.as_array().map(Vec::len)), (json!("makers"), Some(1)));
}

async fn people_are_those_of_the_gateway(scene: &MoveScene) {
    let people = scene.people();
    let ids = people.as_object().expect("ids");
    assert_eq!(ids.len(), 5, "four in acme, one in makers");
    let of = |metagov: &str| people[metagov].as_u64().expect("an id");
    let (alice, alice_too) = (of("1188466657"), of("148870986"));
    let path = format!("/api/internal/identity/get_user?external_id={alice_too}");
    let user = scene.host.get(&path).await.expect(200);
    assert_eq!(user["primary_ID"], alice);
    let mut accounts = user["linked_accounts"].as_array().expect("accounts").clone();
    accounts.sort_by_key(|account| account["platform_type"].to_string());
    let expected = json!([
        {
            "external_id": alice, "community": "acme", "community_platform_id": scene.forum.url,
            "platform_type": "discourse", "platform_identifier": "alice", "custom_data": { "since": 2021 },
            "link_type": "email matching", "link_quality": "confirmed (weak)"
        },
        {
            "external_id": alice_too, "community": "acme", "community_platform_id": null,
            "platform_type": "randomness", "platform_identifier": "al", "custom_data": {},
            "link_type": "unknown", "link_quality": "unknown"
        }
    ]);
    assert_eq!(json!(accounts), expected);
    let path = "/api/internal/identity/get_users?community=makers&platform_type=slack";
    let admin = scene.host.get(path).await.expect(200);
    assert_eq!(admin[0]["linked_accounts"][0]["platform_identifier"], "U0ADMIN");
    assert_eq!(admin[0]["linked_accounts"][0]["link_quality"], "confirmed (strong)");
}

async fn plugins_act(scene: &MoveScene) {
    let host = &scene.host;
    let topic = json!({ "raw": "A text that is long enough.", "title": "Who cleans the kitchen?", "category": 8 });
    let created = host.result("acme", "discourse.create-topic", topic).await;
    assert_eq!(created["topic_id"], 100);
    for (key, pointers) in [
        ("_DEFAULT", json!({ "$alice.example": 3, "$bob.example": 1 })),
        ("art", json!({ "$carol.example": 2 })),
    ] {
        assert_eq!(
            host.result("acme", "revshare.get-config", json!({ "key": key })).await,
            pointers
        );
    }
    host.result("makers", "loomio.list-members", json!({ "subgroup": "makers-board" })).await;
    let message = json!({ "channel": "C0GENERAL", "text": "We have moved." });
    host.result("makers", "slack.post-message", message).await;
    host.result("octo", "discord.get-guild", json!({})).await;
    let installation = host.result("octo", "github.get-installation", json!({})).await;
    assert_eq!(installation["account"]["login"], "acme");
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let scene = MoveScene::new().await;
    scene.write("changes.json", &changes().to_string());
    let arguments = ["db.sqlite3", "--to", &scene.host.url, "--changes", "changes.json"];
    let first = scene.run(&arguments).await;
    assert!(first.stdout.ends_with(" moved, 0 there, 2 left out, 2 not moved\n"), "{first:?}");
    let before = scene.everything().await;
    // As if `people.json` had been lost in between.
    for people in [scene.people(), json!({})] {
        scene.write("people.json", &people.to_string());
        let again = scene.run(&arguments).await;
        assert!(enabled(&again.stdout).is_empty(), "{again:?}");
        assert_eq!(scene.everything().await, before);
    }
    let last = scene.run(&arguments).await;
    assert!(last.stdout.contains("\n0 moved, "), "{last:?}");
    // What has changed in the gateway meanwhile is brought over, and nothing else.
    scene.sql(
        "UPDATE core_plugin SET config = '{\"default_low\": 1, \"default_high\": 8}' WHERE id = 2",
    );
    let changed = scene.run(&arguments).await;
    assert_eq!(enabled(&changed.stdout), ["acme: plugin randomness enabled"]);
    assert!(changed.stdout.contains("\n1 moved, "), "{changed:?}");
    assert_eq!(scene.instances("acme").await[1].2["default_high"], 8);
}

#[tokio::test]
async fn a_dry_run_sends_nothing_and_its_commands_do_the_same() {
    let scene = MoveScene::new().await;
    scene.write("changes.json", &changes().to_string());
    let only = ["--only", "acme", "--only", "acme.example", "--changes", "changes.json"];
    let dry = scene.run(&[&["db.sqlite3", "--dry-run"], &only[..]].concat()).await;
    for secret in ["d0a5c0de", "a random text of the webhook"] {
        assert!(!dry.stdout.contains(secret), "{dry:?}");
    }
    assert!(dry.stdout.contains("********"), "{dry:?}");
    let to_host = ["db.sqlite3", "--dry-run", "--to", &scene.host.url];
    scene.run(&[&to_host[..], &only[..]].concat()).await;
    let none = json!({ "communities": [], "next": null });
    assert_eq!(scene.host.get("/api/internal/community").await.expect(200), none);
    assert!(!scene.path("people.json").exists(), "nobody is new");

    let shown =
        scene.run(&[&["db.sqlite3", "--dry-run", "--show-secrets"], &only[..]].concat()).await;
    // The ids of people are known only when they are made.
    let commands = commands(&shown.stdout).filter(|command| !command.contains("/identity/"));
    for command in commands {
        let sent = curl::parse(&command).to(&scene.host).send().await.expect("the host answers");
        let answer = Answer::read(sent).await.expect("the answer arrives whole");
        assert!(matches!(answer.status, 200 | 201), "{command}: {}", answer.text);
    }
    plugins_of_acme_are_there(&scene).await;
    // Only what is still missing is printed for this host.
    let rest = scene.run(&[&to_host[..], &only[..]].concat()).await;
    assert_eq!(commands_of(&rest.stdout, "/community/"), 0, "{rest:?}");
    assert_eq!(commands_of(&rest.stdout, "revshare.replace-config"), 0, "{rest:?}");
    assert_eq!(commands_of(&rest.stdout, "create_id"), 4, "{rest:?}");
}

async fn plugins_of_acme_are_there(scene: &MoveScene) {
    let names: Vec<_> = scene.instances("acme").await.into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["discourse", "randomness", "revshare"]);
    let forum = json!({ "id": 1, "locked": true });
    scene.host.action("acme", "discourse.lock-post", forum).await.problem(404, "not_found");
    scene.host.get("/api/internal/community/acme-example").await.expect(200);
}

fn commands(printed: &str) -> impl Iterator<Item = String> {
    let without_report = printed.lines().filter(|line| !line.starts_with('#'));
    let text = without_report.collect::<Vec<_>>().join("\n");
    let commands: Vec<_> = text.split("curl ").skip(1).map(|one| format!("curl {one}")).collect();
    commands.into_iter()
}

fn commands_of(printed: &str, path: &str) -> usize {
    commands(printed).filter(|command| command.contains(path)).count()
}

/// The chapter moving-from-metagov.md, from its first command to its last, with its own `changes.json`.
#[tokio::test]
async fn the_commands_of_the_chapter_work() {
    let scene = MoveScene::new().await;
    let key = scene.host.create_key("move");
    scene.write("key", &format!("{key}\n"));
    std::fs::copy(SCRIPT, scene.path("move.py")).expect("copied");
    let driver = scene.host.with_key(&key);
    let mut commands = 0;
    for (language, block) in curl::blocks(&book("moving-from-metagov.md")) {
        match language.as_str() {
            "json" => scene.write("changes.json", &block),
            "shell" if block.starts_with("curl") => {
                let command = curl::parse(&block.replace("mh_…", &key));
                let sent = command.to(&scene.host).send().await.expect("the host answers");
                let members = Answer::read(sent).await.expect("it arrives whole").expect(200);
                assert_eq!(members["groups"][0]["handle"], "makers");
                commands += 1;
            }
            "shell" => {
                let ended =
                    scene.shell(&block.replace("http://127.0.0.1:8000", &scene.host.url)).await;
                // All else leaves something behind.
                let is_whole = block.contains("--only makers");
                assert_eq!(ended.code, i32::from(!is_whole), "{block}: {ended:?}");
                commands += 1;
            }
            _ => {}
        }
    }
    assert_eq!(commands, 4);
    for slug in ["acme", "acme-example", "makers", "octo"] {
        driver.get(&format!("/api/internal/community/{slug}")).await.expect(200);
    }
}
