//! The host under test: the release binary on a directory of its own, with an API key, plugins and
//! communities made as operators and drivers make them. Must never access its data directly.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::command_line::{Bench, component, host_binary, scratch};
use super::exchange::exchange;
use super::load::{CONNECTIONS, Load, Report, Until};
use super::server::Server;
use super::template::Template;

/// The configuration that the tutorial's plugin is enabled with.
pub const TUTORIAL: &str =
    r#"{"name":"tutorial","config":{"api_key":"the key of a platform's account","foo":"bar"}}"#;
/// The longest wait for a start: a thousand plugins compile for minutes.
const READY_WITHIN: Duration = Duration::from_mins(15);

/// A directory on which hosts can be started, one at a time.
#[derive(Debug)]
pub struct HostDirectory {
    directory: tempfile::TempDir,
    key: String,
}

impl HostDirectory {
    /// With an API key, because a host without one does less for each request.
    pub fn new(purpose: &str) -> Result<Self> {
        let directory = scratch(purpose)?;
        std::fs::create_dir_all(directory.path().join("data/plugins"))
            .context("cannot make a plugin directory")?;
        let mut host = Self { directory, key: String::new() };
        let created =
            host.command(&["key", "create", "bench"]).output().context("cannot start the host")?;
        ensure!(
            created.status.success(),
            "no API key: {}",
            String::from_utf8_lossy(&created.stderr)
        );
        host.key = String::from_utf8_lossy(&created.stdout).trim().to_owned();
        Ok(host)
    }

    /// With plugins that `cargo xtask guests` has built.
    pub fn with(purpose: &str, plugins: &[&str]) -> Result<Self> {
        let host = Self::new(purpose)?;
        for plugin in plugins {
            let file = component(plugin)?;
            let name = file.file_name().context("a component has a name")?;
            std::fs::copy(&file, host.plugins().join(name))
                .with_context(|| format!("cannot copy {}", file.display()))?;
        }
        Ok(host)
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Puts a file into the directory that a host starts in: `moothall.toml`, `.env`, or what they name.
    pub fn set(&self, file: &str, text: &str) -> Result<()> {
        std::fs::write(self.path().join(file), text).with_context(|| format!("cannot write {file}"))
    }

    pub fn plugins(&self) -> std::path::PathBuf {
        self.path().join("data/plugins")
    }

    /// Starts a host and waits until every plugin serves.
    pub fn start(&self) -> Result<Server> {
        let mut server = Server::start(
            self.command(&["serve", "--listen", "127.0.0.1:0"]),
            &self.path().join("log"),
        )?;
        server.await_ready(READY_WITHIN)?;
        Ok(server)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(host_binary());
        // No variable gets in, and no file but those of `set`, because defaults are measured.
        command
            .args(arguments)
            .arg("--data")
            .arg(self.path().join("data"))
            .env_clear()
            .current_dir(self.path());
        command
    }

    pub fn request(&self, method: &str, path: &str, body: &str) -> Template {
        Template::new(method, path, body).header("Authorization", &format!("Bearer {}", self.key))
    }

    /// A call of an action in a community, whose name may contain placeholders.
    pub fn action(&self, action: &str, community: &str, parameters: &str) -> Template {
        let path = format!("/api/internal/action/{action}");
        self.request("POST", &path, &format!(r#"{{"parameters":{parameters}}}"#))
            .header("X-Metagov-Community", community)
    }

    pub fn times_two(&self, community: &str) -> Template {
        self.action("tutorial.times-two", community, r#"{"value":{value}}"#)
    }

    /// Makes this many communities, `c000000` and so on, with these plugins enabled.
    pub fn populate(
        &self,
        bench: &Bench,
        server: &Server,
        communities: u64,
        plugins: &[&str],
    ) -> Result<Report> {
        let body = format!(r#"{{"plugins":[{}]}}"#, plugins.join(","));
        let template = self.request("PUT", "/api/internal/community/c{next}", &body);
        let connections = CONNECTIONS.min(usize::try_from(communities).unwrap_or(usize::MAX));
        let load = Load::new(bench, server, template).connections(connections);
        Load { expected: vec![201], until: Until::Requests(communities), ..load }.run()
    }

    /// Publishes this many events, in the communities `c000000` to `c000063` in turn.
    pub fn publish(&self, bench: &Bench, server: &Server, events: u64) -> Result<Report> {
        let body = r#"{"community":"c{connection}","source":"forum","event_type":"post_created","data":{"number":{value}}}"#;
        let load = Load::new(bench, server, self.request("POST", "/api/internal/events", body));
        Load { expected: vec![202], until: Until::Requests(events), ..load }.run()
    }

    /// How many plugin files serve.
    pub fn serving(&self, server: &Server) -> Result<usize> {
        let answer = exchange(server.address, &self.request("GET", "/api/internal/plugins", ""))?;
        let listed: Value =
            serde_json::from_str(&answer.body).context("the list of plugins is no JSON")?;
        let files = listed
            .as_array()
            .or_else(|| listed["plugins"].as_array())
            .context("the list of plugins is no list")?;
        Ok(files.iter().filter(|file| file["status"] == "ready").count())
    }

    /// Fails unless one request gets this answer, so that the right work is measured.
    pub fn expect(&self, server: &Server, request: &Template, body: &str) -> Result<()> {
        let answer = exchange(server.address, request)?;
        ensure!(
            answer.status == 200 && answer.body == body,
            "expected `{body}`, but the answer was {} `{}`",
            answer.status,
            answer.body
        );
        Ok(())
    }
}
