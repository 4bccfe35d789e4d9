//! `moothall plugin call`: calls a plugin once, on a host of its own or on a running one.

mod answers;
mod tick;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::plugin::dev_file::{self, DevFile};
use crate::cli::plugin::host_client::{HostAnswer, HostClient, in_path};
use crate::cli::plugin::project::Project;
use crate::cli::plugin::temporary_host::{ANY_PORT, COMMUNITY, TemporaryHost};

#[derive(Debug, Args)]
pub struct CallArgs {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    at: Place,
}

/// Where the plugin is called.
#[derive(Debug, Args)]
struct Place {
    /// A plugin file, for which a host of its own is started. Left out: the project in the working directory is built.
    #[arg(long, global = true, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The plugin's configuration on that host, and the host's. [default: dev.toml in the working directory]
    #[arg(long, global = true, value_name = "FILE")]
    dev: Option<PathBuf>,
    /// Call it on this running host instead.
    #[arg(long, global = true, value_name = "URL", conflicts_with_all = ["file", "dev"])]
    host: Option<String>,
    /// A file with an API key of that host.
    #[arg(long, global = true, value_name = "FILE", requires = "host")]
    key_file: Option<PathBuf>,
    /// The community on that host.
    #[arg(long, global = true, value_name = "SLUG", requires = "host")]
    community: Option<String>,
    /// The plugin on that host. Left out: the name of the project in the working directory.
    #[arg(long, global = true, value_name = "NAME", requires = "host")]
    plugin: Option<String>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Perform an action, and print its result.
    Action {
        slug: String,
        /// A JSON object.
        #[arg(default_value = "{}", value_parser = object)]
        parameters: Value,
        /// Commit nothing, and print what would have been stored and sent.
        #[arg(long)]
        dry_run: bool,
        /// Let a dry run send requests to other servers.
        #[arg(long, requires = "dry_run")]
        allow_http: bool,
    },
    /// Start a governance process, and print it.
    Process {
        name: String,
        /// A JSON object.
        #[arg(default_value = "{}", value_parser = object)]
        parameters: Value,
    },
    /// Send a webhook, and print what the plugin responds.
    Webhook {
        #[arg(default_value = "")]
        body: String,
        #[arg(long, default_value = "POST")]
        method: String,
        /// `Name: value`; may be given several times.
        #[arg(long, value_name = "HEADER", value_parser = split)]
        header: Vec<(String, String)>,
        /// What stands after `?`.
        #[arg(long, default_value = "")]
        query: String,
    },
    /// Let the producer's time come, or that of a named schedule; only on a host of its own.
    Tick { schedule: Option<String> },
}

/// A plugin of a community on a host.
struct CalledPlugin<'a> {
    client: &'a HostClient,
    community: &'a str,
    plugin: &'a str,
}

pub fn call(args: &CallArgs) -> anyhow::Result<()> {
    match &args.at.host {
        Some(url) => on_running(args, url),
        None => on_temporary(args),
    }
}

fn on_running(args: &CallArgs, url: &str) -> anyhow::Result<()> {
    if matches!(args.what, What::Tick { .. }) {
        bail!(
            "a running host ticks at its own times; leave out --host for a tick on a host of its own"
        );
    }
    let client = HostClient::with_key_file(url, args.at.key_file.as_deref())?;
    let community = args.at.community.as_deref();
    let community =
        community.context("a running host may have many communities; name one with --community")?;
    let plugin = match &args.at.plugin {
        Some(plugin) => plugin.clone(),
        None => Project::here()?.name()?,
    };
    let target = CalledPlugin { client: &client, community, plugin: &plugin };
    answers::show(&args.what, &target.send(&args.what)?)
}

fn on_temporary(args: &CallArgs) -> anyhow::Result<()> {
    let wasm = match &args.at.file {
        Some(file) => file.clone(),
        None => Project::here()?.build()?,
    };
    let dev = args.at.dev.as_deref();
    let dev = DevFile::read(dev.unwrap_or(Path::new(dev_file::NAME)), dev.is_some())?;
    let host = TemporaryHost::start(&wasm, &dev, ANY_PORT)?;
    let target = CalledPlugin { client: &host.client, community: COMMUNITY, plugin: &host.plugin };
    if let What::Tick { schedule } = &args.what {
        tick::tick(&host, schedule.as_deref())?;
        answers::show_events(&host.client);
        return Ok(());
    }
    let answered = target.send(&args.what)?;
    answers::show_with_events(&args.what, &answered, &host.client)
}

impl CalledPlugin<'_> {
    fn send(&self, what: &What) -> anyhow::Result<HostAnswer> {
        match what {
            What::Action { slug, parameters, dry_run, allow_http } => {
                let query = match (dry_run, allow_http) {
                    (true, true) => "?dry_run=true&allow_http=true",
                    (true, false) => "?dry_run=true",
                    (false, _) => "",
                };
                let path = format!("/api/internal/action/{}{query}", self.named(slug));
                self.post(&path, &json!({ "parameters": parameters }))
            }
            What::Process { name, parameters } => {
                let path = format!("/api/internal/process/{}", self.named(name));
                self.post(&path, parameters)
            }
            What::Webhook { body, method, header, query } => {
                let path = with_query(self.webhook_path()?, query);
                self.client.send_openly(method, &path, header, body.clone().into_bytes())
            }
            What::Tick { .. } => bail!("a tick is no request"),
        }
    }

    /// `<plugin>.<action>`, as a part of a path.
    fn named(&self, slug: &str) -> String {
        in_path(&format!("{}.{slug}", self.plugin))
    }

    fn post(&self, path: &str, body: &Value) -> anyhow::Result<HostAnswer> {
        let community = ("X-Metagov-Community".to_owned(), self.community.to_owned());
        self.client.send_json("POST", path, &[community], body)
    }

    /// Where the instance's webhooks are sent.
    fn webhook_path(&self) -> anyhow::Result<String> {
        let (community, plugin) = (self.community, self.plugin);
        let listed =
            self.client.get(&format!("/api/internal/community/{}/hooks", in_path(community)))?;
        let own = format!("/api/hooks/{community}/{plugin}");
        let is_own = |path: &&str| {
            path.strip_prefix(&own)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        };
        let mut paths = listed["hooks"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let path = paths.find(is_own).map(str::to_owned);
        path.with_context(|| {
            format!("the plugin `{plugin}` of the community `{community}` receives no webhooks, or is not enabled")
        })
    }
}

/// The path may have a query already, by which instances are told apart.
fn with_query(path: String, query: &str) -> String {
    match (query.is_empty(), path.contains('?')) {
        (true, _) => path,
        (false, true) => format!("{path}&{query}"),
        (false, false) => format!("{path}?{query}"),
    }
}

fn object(text: &str) -> Result<Value, String> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    match value.is_object() {
        true => Ok(value),
        false => Err("it must be a JSON object: `{ \"name\": … }`".to_owned()),
    }
}

fn split(header: &str) -> Result<(String, String), String> {
    let (name, value) = header.split_once(':').ok_or("write it as `Name: value`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
