//! `moothall plugin recordings`: lists what a host has recorded.

use anyhow::Context;
use clap::{Args, value_parser};
use serde_json::Value;

use crate::cli::answer::answer;
use crate::cli::plugin::host_client::{HostArgs, HostClient, in_path};
use moothall_values::recording::Recording;

#[derive(Debug, Args)]
pub struct RecordingsArgs {
    /// Only those of this plugin.
    #[arg(long, value_name = "NAME")]
    plugin: Option<String>,
    /// How many are listed at most, the newest first.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = value_parser!(u32).range(1..))]
    last: u32,
    #[command(flatten)]
    host: HostArgs,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

/// The most recordings on one page of a host's list.
const PAGE: usize = 100;

pub fn recordings(args: &RecordingsArgs) -> anyhow::Result<()> {
    let listed = newest(&args.host.client()?, args.plugin.as_deref(), args.last)?;
    if args.json {
        return answer(&Value::Array(listed).to_string());
    }
    listed.iter().try_for_each(|row| answer(&line(row)))
}

fn line(row: &Value) -> String {
    let text = |name: &str| row[name].as_str().unwrap_or_default();
    let outcome = match &row["code"] {
        Value::String(code) => format!("failed: {code}"),
        _ => "succeeded".to_owned(),
    };
    let replayable = match &row["not_replayable"] {
        Value::String(reason) => format!("; cannot be replayed: {reason}"),
        _ => String::new(),
    };
    let (plugin, version, name) = (text("plugin"), text("version"), text("name"));
    let (id, at) = (text("id"), text("started_at"));
    format!("{id}  {at}  {plugin} {version} {name}  {outcome}{replayable}")
}

/// The newest rows of the host's list.
pub fn newest(client: &HostClient, plugin: Option<&str>, last: u32) -> anyhow::Result<Vec<Value>> {
    let last = last as usize;
    let mut rows = Vec::new();
    let mut after = None;
    while rows.len() < last {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", &PAGE.min(last - rows.len()).to_string());
        query.extend_pairs(plugin.map(|plugin| ("plugin", plugin)));
        query.extend_pairs(after.map(|after: i64| ("after", after.to_string())));
        let page = client.get(&format!("/api/internal/recordings?{}", query.finish()))?;
        rows.extend(page["recordings"].as_array().cloned().unwrap_or_default());
        after = page["next"].as_i64();
        if after.is_none() {
            break;
        }
    }
    Ok(rows)
}

/// What the host recorded of a call, by its id or its request's; the text as it came, too.
pub fn fetch(client: &HostClient, id: &str) -> anyhow::Result<(Recording, String)> {
    let text = client.get(&format!("/api/internal/recordings/{}", in_path(id)))?.to_string();
    let recording = Recording::parse(&text).map_err(anyhow::Error::msg);
    let recording = recording.with_context(|| format!("the recording of {id} cannot be read"))?;
    Ok((recording, text))
}
