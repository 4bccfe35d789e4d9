//! The driver program of the book: it knows the standard of votes and no platform, and runs the same vote on each.

use std::path::Path;
use std::process::Stdio;

use moothall_tests::platforms::discord::{self, Discord};
use moothall_tests::platforms::discourse::{self, Discourse};
use moothall_tests::platforms::github::{self, GitHub};
use moothall_tests::platforms::loomio::{self, Loomio};
use moothall_tests::platforms::slack::{self, Slack};
use moothall_tests::{TestHost, curl, until};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// The program, as it stands in the book.
fn program() -> String {
    let chapter = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/docs/drivers/votes.md");
    let chapter = std::fs::read_to_string(chapter).expect("the chapter");
    let program = curl::blocks(&chapter).into_iter().find(|(language, _)| language == "python");
    program.expect("the chapter has the program").1
}

/// The program, running until it is told to count.
struct Driver {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Driver {
    fn start(host: &TestHost, question: &str, options: &[&str]) -> Self {
        let mut command = Command::new("python3");
        command.args(["-c", &program(), &host.url, "acme", question]).args(options);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("python3");
        let said = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self { child, said }
    }

    async fn line(&mut self) -> String {
        self.said.next_line().await.expect("a line of text").expect("the program goes on")
    }

    /// Lets it count; returns what it says.
    async fn count(mut self) -> Value {
        self.child.stdin.take().expect("a pipe").write_all(b"\n").await.expect("it listens");
        serde_json::from_str(&self.line().await).expect("JSON")
    }
}

/// A community that is on every platform which has a vote of the standard.
struct Everywhere {
    loomio: Loomio,
    forum: Discourse,
    slack: Slack,
    discord: Discord,
    github: GitHub,
    host: TestHost,
}

impl Everywhere {
    async fn new() -> Self {
        let (loomio, forum) = (Loomio::start().await, Discourse::start().await);
        let (slack, discord, github) =
            (Slack::start().await, Discord::start().await, GitHub::start().await);
        let own = format!(
            "[plugins.loomio]\nsettings = {{ api_url = \"{}\" }}\n\
             grants = {{ http = [\"settings:/api_url\"], cidr = [\"127.0.0.0/8\"] }}\n\
             [plugins.discourse]\n\
             grants = {{ http = [\"config:/server_url\"], cidr = [\"127.0.0.0/8\"] }}",
            loomio.url
        );
        let plugins =
            ["discord", "discourse", "github", "loomio", "randomness", "slack", "tutorial"];
        let setup = TestHost::with(&plugins).toml(&own).toml(&slack.toml(""));
        let host = setup.toml(&discord.toml("")).toml(&github.toml()).start().await;
        let everywhere = Self { loomio, forum, slack, discord, github, host };
        everywhere.host.put_community("acme", everywhere.plugins()).await.expect(201);
        everywhere
    }

    /// Where a vote is, if it does not say it, stands in each configuration.
    fn plugins(&self) -> Value {
        let mut slack = Slack::config();
        slack["channel"] = slack::CHANNEL.into();
        let (key, secret) = (discourse::KEY, discourse::SECRET);
        json!([
            { "name": "discord", "config": { "guild_id": discord::GUILD, "channel": discord::CHANNEL } },
            { "name": "discourse", "config": { "api_key": key, "server_url": self.forum.url, "webhook_secret": secret } },
            { "name": "github", "config": { "owner": "acme", "installation_id": github::ORGANISATION.to_string(), "repo_name": "tea" } },
            { "name": "loomio", "config": { "api_key": loomio::KEY } },
            { "name": "slack", "config": slack },
            // Their processes are no votes of the standard.
            { "name": "randomness", "config": { "default_low": 1, "default_high": 7 } },
            { "name": "tutorial", "config": { "api_key": "k" } }
        ])
    }

    /// The outcome so far of a vote.
    async fn outcome(&self, name: &str) -> Value {
        let all = self.host.get("/api/internal/process?status=pending").await.expect(200);
        let mut all = all["processes"].as_array().expect("a list").iter();
        all.find(|process| process["name"] == name).expect("it is pending")["outcome"].clone()
    }

    /// Somebody votes for coffee on each platform, and somebody else for tea on two.
    async fn people_vote(&self) {
        assert!(self.forum.vote("alice", "tea") && self.forum.vote("bob", "coffee"));
        self.loomio.cast("879750", "coffee").expect("a vote");
        self.loomio.cast("879751", "tea").expect("a vote");
        let text = |outcome: &Value, name: &str| outcome[name].as_str().expect(name).to_owned();
        let outcome = self.outcome("slack.emoji-vote").await;
        let message = (text(&outcome, "channel"), text(&outcome, "message_ts"));
        let clicked =
            self.slack.clicks(&self.host, slack::MEMBER, (&message.0, &message.1), (1, 0));
        clicked.await.expect(200);
        until("Slack's vote counts", async || {
            let votes = self.outcome("slack.emoji-vote").await["votes"].clone();
            (votes["coffee"]["count"] == 1).then_some(())
        })
        .await;
        let message = text(&self.outcome("discord.vote").await, "message_id");
        self.discord.presses(&self.host, discord::USER, &message, 1).await;
        let issue = self.outcome("github.issue-react-vote").await["issue_number"].as_u64();
        self.github.react(issue.expect("a number"), "ann", "-1");
    }
}

#[tokio::test]
async fn one_program_runs_the_same_vote_everywhere() {
    let everywhere = Everywhere::new().await;
    let question = "Which drink is the best?";
    let mut driver = Driver::start(&everywhere.host, question, &["tea", "coffee"]);
    let mut begun = Vec::new();
    for _ in VOTES {
        begun.push(driver.line().await);
    }
    begun.sort();
    assert_eq!(begun, VOTES.map(|name| format!("voting: {name}")));
    everywhere.people_vote().await;
    assert_eq!(driver.count().await, json!({ "tea": 2, "coffee": 5 }));
}

/// The votes of the standard.
const VOTES: [&str; 6] = [
    "discord.vote",
    "discourse.poll",
    "github.issue-comment-vote",
    "github.issue-react-vote",
    "loomio.poll",
    "slack.emoji-vote",
];
