//! What is wrong with the script's input, or with its host, is said in a line, and the exit code tells whose fault it is.

use std::path::Path;

use moothall_tests::python;
use serde_json::json;

use super::scene::{MoveScene, SCRIPT, enabled, lines_with};

/// Wrong usage, or an input that cannot be read.
const UNUSABLE: i32 = 2;
/// No host, or no key for it.
const UNREACHABLE: i32 = 3;

#[tokio::test]
async fn a_dump_of_the_gateway_s_is_as_good_as_its_database() {
    let scene = MoveScene::new().await;
    let of = async |source| scene.run(&[source, "--dry-run", "--show-secrets"]).await.stdout;
    let (database, dump) = (of("db.sqlite3").await, of("gateway.json").await);
    assert_eq!(database, dump);
    assert!(lines_with(&database, "curl ").len() > 20, "{database}");
}

#[tokio::test]
async fn an_input_that_is_no_gateway_s_is_refused_with_the_reason() {
    let scene = MoveScene::new().await;
    scene.write("text", "no database");
    scene.write("other.json", r#"[{ "model": "auth.user", "pk": 1, "fields": {} }]"#);
    scene.write("list.json", "[1, 2]");
    scene.write("renamed.json", r#"{ "acmee": { "slug": "acme" } }"#);
    scene.write("plugin.json", r#"{ "octo": { "plugins": { "sourcecred": {} } } }"#);
    scene.write("text.json", r#"{ "octo": { "plugins": { "github": "1002" } } }"#);
    scene.write("member.json", r#"{ "octo": { "slog": "octo" } }"#);
    scene.write("twice.json", r#"{ "octo": { "slug": "acme" } }"#);
    let changes = |file| vec!["db.sqlite3", "--dry-run", "--changes", file];
    for (arguments, reason) in [
        (vec!["nothing", "--dry-run"], "nothing is no file"),
        (vec!["text", "--dry-run"], "text is neither an SQLite database nor a file that"),
        (vec!["list.json", "--dry-run"], "list.json is neither an SQLite database"),
        (vec!["other.json", "--dry-run"], "other.json has no community of a Metagov gateway"),
        (vec!["db.sqlite3"], "say --to URL, or --dry-run"),
        (vec!["db.sqlite3", "--to", "localhost:8000"], "--to is a URL that begins with http://"),
        (vec!["db.sqlite3", "--dry-run", "--only", "x"], "--only names the community 'x'"),
        (changes("missing.json"), "missing.json"),
        (changes("text"), "text: "),
        (changes("renamed.json"), "the community 'acmee', which the gateway does not have"),
        (changes("plugin.json"), "the plugin 'sourcecred', of which it has 2"),
        (changes("text.json"), "the configuration of 'github' is neither an object nor null"),
        (changes("member.json"), "name slog; known are slug"),
        (changes("twice.json"), "2 communities would have the slug 'acme'"),
    ] {
        let said = scene.run(&arguments).await.failed_with(UNUSABLE);
        assert!(said.starts_with("move.py: ") && said.contains(reason), "{arguments:?}: {said}");
    }
    for (sql, reason) in [
        (
            "UPDATE core_datastore SET datastore = '{}'; PRAGMA ignore_check_constraints = 1; UPDATE core_plugin SET config = '{' WHERE id = 3;",
            "table core_plugin, row 3: config is not JSON",
        ),
        (
            "DROP TABLE core_plugin;",
            "table core_plugin cannot be read; is this the database of a Metagov gateway, and whole? no such table",
        ),
        (
            "DROP TABLE core_community; CREATE TABLE core_community (id INTEGER, name TEXT);",
            "table core_community has no column slug: the gateway is from before June 2021",
        ),
    ] {
        scene.sql(sql);
        let said = scene.run(&["db.sqlite3", "--dry-run"]).await.failed_with(UNUSABLE);
        assert!(said.contains(reason), "{said}");
    }
}

#[tokio::test]
async fn a_gateway_from_before_there_were_people_is_read() {
    let scene = MoveScene::new().await;
    scene.sql(
        "DROP TABLE core_linkedaccount; DROP TABLE core_metagovid_linked_ids; DROP TABLE core_metagovid;
         DROP INDEX core_plugin_name_community_id_community_platform_id_2568947f_uniq;
         DELETE FROM core_plugin WHERE name <> 'randomness'; ALTER TABLE core_plugin DROP COLUMN community_platform_id;",
    );
    let ended = scene.run(&["db.sqlite3", "--to", &scene.host.url]).await;
    assert_eq!(enabled(&ended.stdout).len(), 2, "{ended:?}");
    assert_eq!(scene.instances("acme").await.len(), 1);
}

#[tokio::test]
async fn a_host_that_cannot_be_used_is_told_from_a_wrong_input() {
    let scene = MoveScene::new().await;
    let said =
        scene.run(&["db.sqlite3", "--to", "http://127.0.0.1:1"]).await.failed_with(UNREACHABLE);
    assert!(said.contains("http://127.0.0.1:1 does not answer as a Moothall host"), "{said}");
    let said = scene.run(&["db.sqlite3", "--to", &scene.forum.url]).await.failed_with(UNREACHABLE);
    assert!(said.contains("status 404"), "{said}");
    scene.host.create_key("driver");
    let to = ["db.sqlite3", "--to", &scene.host.url];
    moothall_tests::until("the key is needed", async || {
        (scene.host.get("/api/internal/community").await.status == 401).then_some(())
    })
    .await;
    let said = scene.run(&to).await.failed_with(UNREACHABLE);
    assert!(said.contains("--key-file names a file with an API key"), "{said}");
    scene.write("wrong", "mh_wrong");
    let said =
        scene.run(&[&to[..], &["--key-file", "wrong"]].concat()).await.failed_with(UNREACHABLE);
    assert!(!said.contains("mh_wrong"), "{said}");
}

#[tokio::test]
async fn a_configuration_that_the_host_refuses_holds_up_no_other_plugin() {
    let scene = MoveScene::new().await;
    let changes = json!({
        "acme": { "plugins": { "discourse": { "webhook_secret": "short" }, "revshare": null } },
        "makers": { "plugins": { "loomio": { "api_key": "expired" } } },
        "octo": { "plugins": { "sourcecred@https://cred.example.net": null } }
    });
    scene.write("changes.json", &changes.to_string());
    let arguments = ["db.sqlite3", "--to", &scene.host.url, "--changes", "changes.json"];
    let ended = scene.run(&arguments).await;
    let refused = lines_with(&ended.stdout, "NOT MOVED");
    let reason = |start: &str| {
        refused.iter().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{ended:?}"))
    };
    let discourse = format!("acme: plugin discourse ({}) NOT MOVED: ", scene.forum.url);
    assert!(reason(&discourse).contains("webhook_secret"), "{refused:?}");
    reason("makers: plugin loomio (makers) NOT MOVED: ");
    assert!(reason("acme: account alice on discourse").contains("not enabled"), "{refused:?}");
    let names = |instances: Vec<(String, _, _)>| -> Vec<String> {
        instances.into_iter().map(|(name, ..)| name).collect()
    };
    assert_eq!(names(scene.instances("acme").await), ["randomness"]);
    assert_eq!(names(scene.instances("makers").await), ["slack"]);
    assert_eq!(names(scene.instances("octo").await), ["discord", "github", "sourcecred"]);
    assert!(lines_with(&ended.stdout, "left out").len() == 3, "{ended:?}");
}

#[test]
fn the_script_s_types_are_right() {
    let options = ["--strict", "--ignore-missing-imports", "--cache-dir=/dev/null", SCRIPT];
    assert_eq!(python::run("mypy", &options.map(Path::new), ""), Ok(()));
}
