//! A reader who does what a chapter says, from its first block to its last.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use moothall_tests::command_line::{Ended, ended};
use moothall_tests::{
    Answer, Author, Developing, Driver, HostProcess, Receiver, TestHost, curl, start_in, until,
};
use serde_json::Value;

/// The address of whatever receives requests, in chapters.
const RECEIVER: &str = "http://127.0.0.1:9000";
/// What stands in chapters for the key that `moothall key create` has printed.
const KEY: &str = "mh_…";
/// What starts a host in a chapter, so that it begins without one.
const HOSTS: [&str; 2] = ["moothall serve", "moothall plugin dev"];
/// What a reader does in a folder of their own, and not beside a host's data.
const OWN: [&str; 2] = ["moothall serve", "moothall plugin"];
/// How long a stream may say nothing.
const STREAM: Duration = Duration::from_secs(60);

pub struct Reading {
    path: String,
    blocks: Vec<(String, String)>,
}

/// Where the reader is.
struct Place {
    author: Author,
    /// Below the author's folder.
    folder: String,
    is_in_own_folder: bool,
    _receiver: Receiver,
    host: Option<TestHost>,
    developing: Option<Developing>,
    serving: Option<HostProcess>,
    driver: Option<Driver>,
    key: Option<String>,
    /// What was answered to commands with an `Idempotency-Key`.
    once: HashMap<String, String>,
}

impl Reading {
    pub fn of(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), blocks: curl::blocks(text) }
    }

    /// Whether one of these is in a command of the chapter.
    fn says(&self, any: &[&str]) -> bool {
        let mut commands = self.blocks.iter().filter(|(language, _)| language == "shell");
        commands.any(|(_, block)| any.iter().any(|one| block.contains(one)))
    }

    /// Does all that the chapter says; returns how many commands there were.
    pub async fn play(self) -> usize {
        let commands = self.blocks.iter().filter(|(language, _)| language == "shell").count();
        if commands == 0 {
            return 0;
        }
        let receiver = Receiver::start().await;
        let url = receiver.url.clone();
        let mut place = self.begin(receiver).await;
        for (at, (language, block)) in self.blocks.iter().enumerate() {
            let next = self.blocks.get(at + 1).filter(|(language, _)| language == "json");
            let promised = next.map(|(_, text)| serde_json::from_str(text).expect("JSON"));
            if language == "shell" {
                eprintln!("--- {}\n{block}", self.path);
                place.run(&block.replace(RECEIVER, &url), promised.as_ref()).await;
            }
        }
        commands
    }

    /// A host as the chapter configures it in front of its first command, unless it starts its own.
    async fn begin(&self, receiver: Receiver) -> Place {
        let before = self.blocks.iter().take_while(|(language, _)| language != "shell");
        let configured = before.filter(|(language, _)| language == "toml");
        let toml: String =
            configured.map(|(_, block)| block.replace(RECEIVER, &receiver.url)).collect();
        let host = match self.says(&HOSTS) {
            true => None,
            false => Some(TestHost::with(&["tutorial", "randomness"]).toml(&toml).start().await),
        };
        Place {
            author: Author::new(&format!("book-{}", self.path.replace(['/', '.'], "-"))),
            folder: String::new(),
            is_in_own_folder: self.says(&OWN),
            _receiver: receiver,
            driver: host.as_ref().map(|host| Driver::new(host.url.clone())),
            host,
            developing: None,
            serving: None,
            key: None,
            once: HashMap::new(),
        }
    }
}

impl Place {
    async fn run(&mut self, block: &str, promised: Option<&Value>) {
        let line = block.trim();
        match line {
            _ if line.starts_with("curl") => self.send(line, promised).await,
            "moothall plugin dev" => self.develop().await,
            _ if line.starts_with("moothall serve") => self.serve(line).await,
            _ => self.shell(block, promised).await,
        }
    }

    async fn send(&mut self, line: &str, promised: Option<&Value>) {
        let key = self.key.clone();
        let line = key.as_ref().map_or(line.to_owned(), |key| line.replace(KEY, key));
        let command = curl::parse(&line);
        let driver = self.driver.as_ref().expect("a host runs");
        let response = command.to(driver).send().await.expect("the host answers");
        if command.is_stream {
            return hears(response).await;
        }
        let answer = Answer::read(response).await.expect("the answer arrives whole");
        curl::hold(&answer, promised);
        if let Some(file) = &command.output {
            std::fs::write(self.working_folder().join(file), &answer.text).expect("written");
        }
        if line.contains("Idempotency-Key")
            && let Some(first) = self.once.insert(line, answer.text.clone())
        {
            assert_eq!(first, answer.text, "the same request again has the same answer");
            assert_eq!(answer.header("idempotency-replayed"), "true");
        }
    }

    /// `moothall plugin dev`, until another host takes its place.
    async fn develop(&mut self) {
        let developing = self.author.dev(&self.folder);
        let said = developing.says("serves at", 1).await;
        let url = said.split(' ').find(|word| word.starts_with("http://")).expect("a URL");
        self.driver = Some(Driver::new(url.to_owned()));
        self.developing = Some(developing);
    }

    /// `moothall serve` with the chapter's options, on a port that is free.
    async fn serve(&mut self, line: &str) {
        self.developing = None;
        let mut words: Vec<&str> = line.split_whitespace().skip(1).collect();
        words.extend(["--listen", "127.0.0.1:0"]);
        let process = start_in(&self.working_folder(), &words);
        let driver = Driver::new(process.url.clone());
        self.serving = Some(process);
        until("the host is ready", async || {
            (driver.get("/readyz").await.status == 200).then_some(())
        })
        .await;
        self.driver = Some(driver);
    }

    async fn shell(&mut self, block: &str, promised: Option<&Value>) {
        let swaps = self.swaps();
        let said = self.shell_in_its_folder(block).succeeded();
        if let Some(promised) = promised {
            let said: Value = serde_json::from_str(&said).expect("the command prints JSON");
            assert_eq!(&said, promised, "{block}");
        }
        for line in block.lines() {
            if let Some(folder) = line.strip_prefix("cd ") {
                self.folder =
                    format!("{}/{folder}", self.folder).trim_start_matches('/').to_owned();
            }
        }
        if let Some(developing) = &self.developing
            && block.contains("src/lib.rs")
        {
            developing.says("serves as it is now", swaps + 1).await;
        }
        // Further keys are examples; the reader goes on with the first one.
        if self.key.is_none() && block.contains("moothall key create") {
            self.has_key(said.trim()).await;
        }
    }

    fn swaps(&self) -> usize {
        let said = self.developing.as_ref().map(Developing::said).unwrap_or_default();
        said.matches("serves as it is now").count()
    }

    /// From now on requests need the key.
    async fn has_key(&mut self, key: &str) {
        let driver = self.driver.as_ref().expect("a host runs").with_key(key);
        let open = self.driver.as_ref().expect("a host runs");
        until("the key is needed, and known", async || {
            let (without, with) = (open.get("/metrics").await, driver.get("/metrics").await);
            ((without.status, with.status) == (401, 200)).then_some(())
        })
        .await;
        self.key = Some(key.to_owned());
    }

    fn shell_in_its_folder(&self, block: &str) -> Ended {
        match &self.host {
            Some(host) if !self.is_in_own_folder => ended(beside(host.directory(), block)),
            _ => self.author.shell(&self.folder, block),
        }
    }

    fn working_folder(&self) -> PathBuf {
        match &self.host {
            Some(host) if !self.is_in_own_folder => host.directory().to_owned(),
            _ => self.author.path(&self.folder),
        }
    }
}

/// A shell in the folder of a host whose data directory is `data`.
#[expect(clippy::disallowed_methods, reason = "programs are found by the environment")]
fn beside(folder: &Path, block: &str) -> Command {
    let programs = moothall_tests::guests::host_binary();
    let programs = programs.parent().map(Path::display).expect("a binary lies in a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    // `npx` would ask the registry for what is installed already.
    let (generators, block) = match block.contains("npx ") || block.contains("openapi-") {
        true => (format!("{}:", super::generators()), block.replace("npx ", "")),
        false => (String::new(), block.to_owned()),
    };
    let mut shell = Command::new("/bin/sh");
    shell.args(["-e", "-c", &block]).current_dir(folder).stdin(Stdio::null()).env_clear();
    shell.env("PATH", format!("{programs}:{generators}{path}")).env("MOOTHALL_DATA", "data");
    shell
}

/// Hears something on a stream.
async fn hears(mut response: reqwest::Response) {
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let first = tokio::time::timeout(STREAM, response.chunk()).await.expect("it begins in time");
    assert!(first.expect("it goes on").is_some_and(|chunk| !chunk.is_empty()));
}
