//! A gateway's database, the platforms of its communities, and the host to which they move.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use moothall_tests::TestHost;
use moothall_tests::command_line::{Ended, ended};
use moothall_tests::platforms::discord::Discord;
use moothall_tests::platforms::discourse::Discourse;
use moothall_tests::platforms::github::GitHub;
use moothall_tests::platforms::loomio::Loomio;
use moothall_tests::platforms::slack::Slack;
use serde_json::Value;
use tempfile::TempDir;

/// The script that the book has.
pub const SCRIPT: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../host/docs/moving-from-metagov/move.py");
/// What the gateway's code has written: tables as SQL, and the same as `dumpdata` writes it.
const SQL: &str = include_str!("../../../reference/metagov/gateway.sql");
const DUMP: &str = include_str!("../../../reference/metagov/gateway.json");
/// The forum in them.
const FORUM: &str = "https://forum.example.org";
/// Runs SQL of standard input on a database.
const RUN_SQL: &str =
    "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.stdin.read())";
const PLUGINS: [&str; 8] =
    ["discord", "discourse", "github", "loomio", "randomness", "revshare", "slack", "sourcecred"];

/// A chapter of the book.
pub fn book(path: &str) -> String {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/docs");
    std::fs::read_to_string(book.join(path)).expect("the chapter")
}

/// The lines in which this is.
pub fn lines_with<'a>(text: &'a str, what: &str) -> Vec<&'a str> {
    text.lines().filter(|line| line.contains(what)).collect()
}

/// The lines about plugins that were enabled.
pub fn enabled(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.ends_with(" enabled")).collect()
}

/// Everything that a move needs. In its folder are `db.sqlite3` and `gateway.json`.
pub struct MoveScene {
    pub host: TestHost,
    pub forum: Discourse,
    folder: TempDir,
    _platforms: (Discord, GitHub, Loomio, Slack),
}

impl MoveScene {
    pub async fn new() -> Self {
        let (forum, loomio) = (Discourse::start().await, Loomio::start().await);
        let (discord, github, slack) =
            (Discord::start().await, GitHub::start().await, Slack::start().await);
        let own = format!(
            "[plugins.loomio]\nsettings = {{ api_url = \"{}\" }}\n\
             grants = {{ http = [\"settings:/api_url\"], cidr = [\"127.0.0.0/8\"] }}\n\
             [plugins.discourse]\n\
             grants = {{ http = [\"config:/server_url\"], cidr = [\"127.0.0.0/8\"] }}",
            loomio.url
        );
        let setup = TestHost::with(&PLUGINS).toml(&own).toml(&slack.toml(""));
        let host = setup.toml(&discord.toml("")).toml(&github.toml()).start().await;
        let folder = tempfile::tempdir().expect("a folder");
        let scene = Self { host, forum, folder, _platforms: (discord, github, loomio, slack) };
        scene.sql(&SQL.replace(FORUM, &scene.forum.url));
        scene.write("gateway.json", &DUMP.replace(FORUM, &scene.forum.url));
        scene
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub fn write(&self, file: &str, text: &str) {
        std::fs::write(self.path(file), text).expect("written");
    }

    /// Runs SQL on the gateway's database.
    pub fn sql(&self, sql: &str) {
        self.write("run.sql", sql);
        let input = std::fs::File::open(self.path("run.sql")).expect("a file");
        let mut python = Command::new("python3");
        python.args(["-c", RUN_SQL, "db.sqlite3"]).current_dir(self.folder.path()).stdin(input);
        ended(python).succeeded();
    }

    /// Runs the script.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        let mut python = Command::new("python3");
        python.arg(SCRIPT).args(arguments);
        self.ended(python).await
    }

    pub async fn shell(&self, command: &str) -> Ended {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-e", "-c", command]);
        self.ended(shell).await
    }

    /// On another thread, because the platforms are on the test's.
    async fn ended(&self, mut command: Command) -> Ended {
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        tokio::task::spawn_blocking(|| ended(command)).await.expect("it ends")
    }

    /// New ids of people by their old ones.
    pub fn people(&self) -> Value {
        let people = std::fs::read_to_string(self.path("people.json")).expect("ids were written");
        serde_json::from_str(&people).expect("JSON")
    }

    pub async fn community(&self, slug: &str) -> Value {
        self.host.get(&format!("/api/internal/community/{slug}")).await.expect(200)
    }

    /// The plugins that a community has: names, ids at their platforms and configurations, sorted.
    pub async fn instances(&self, slug: &str) -> Vec<(String, Value, Value)> {
        let community = self.community(slug).await;
        let plugins = community["plugins"].as_array().expect("plugins").iter();
        let mut instances: Vec<_> = plugins
            .map(|one| {
                let name = one["name"].as_str().expect("a name").to_owned();
                (name, one["community_platform_id"].clone(), one["config"].clone())
            })
            .collect();
        instances.sort_by_key(|(name, id, _)| (name.clone(), id.to_string()));
        instances
    }

    /// What the host has of the communities: plugins, people, accounts and pointers.
    pub async fn everything(&self) -> Vec<Value> {
        let mut everything = vec![self.host.get("/api/internal/community").await.expect(200)];
        for slug in ["acme", "makers", "octo"] {
            let people = format!("/api/internal/identity/get_users?community={slug}");
            everything.push(self.host.get(&people).await.expect(200));
        }
        let pointers = serde_json::json!({ "key": "_DEFAULT" });
        everything.push(self.host.result("acme", "revshare.get-config", pointers).await);
        everything
    }
}
