//! `moothall plugin check`: whether a host would serve a file, what it asks for, and what is new in it.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

use crate::app::Examined;
use crate::cli::answer::answer;
use crate::cli::plugin::difference::{Difference, differences};
use crate::cli::plugin::file::{Examining, FileArgs};
use crate::cli::plugin::host_client::HostArgs;
use crate::cli::plugin::offer::Offer;
use crate::cli::plugin::{refusals, size};
use moothall_engine::plugins::Loaded;

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    file: FileArgs,
    /// Show how the file differs from this one in capabilities, schemas, and what it asks for.
    #[arg(long, value_name = "FILE", conflicts_with = "running")]
    against: Option<PathBuf>,
    /// Show how the file differs from the version that a host serves.
    #[arg(long)]
    running: bool,
    #[command(flatten)]
    host: HostArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What a file was compared with.
struct Compared {
    /// None if the host serves no such plugin yet.
    version: Option<String>,
    differences: Vec<Difference>,
}

pub fn check(args: &CheckArgs) -> anyhow::Result<()> {
    if args.host.is_given() && !args.running {
        bail!("--host and --key-file name the host of --running; add that, or leave them out");
    }
    let path = args.file.path()?;
    let examining = Examining::new(args.file.config.clone())?;
    let examined = examining.file(&path)?;
    let compared = match &examined.outcome {
        Ok(loaded) => compare(args, &examining, loaded)?,
        Err(_) => None,
    };
    match (args.json, &examined.outcome) {
        (true, _) => answer(&document(&examined, compared.as_ref()).to_string())?,
        (false, Ok(loaded)) => {
            text(&examined, loaded, compared.as_ref()).iter().try_for_each(|line| answer(line))?;
        }
        (false, Err(_)) => {}
    }
    if examined.outcome.is_ok() { Ok(()) } else { Err(refusals::of_examined(&examined)) }
}

fn compare(
    args: &CheckArgs,
    examining: &Examining,
    loaded: &Loaded,
) -> anyhow::Result<Option<Compared>> {
    let new = Offer::of(&loaded.plugin);
    let old = match &args.against {
        Some(file) => {
            let other = examining.file(file)?;
            let Ok(other) = &other.outcome else { return Err(refusals::of_examined(&other)) };
            Some(Offer::of(&other.plugin))
        }
        None if args.running => Offer::of_running(&args.host.client()?, &loaded.plugin.name)?,
        None => return Ok(None),
    };
    let Some(old) = old else {
        return Ok(Some(Compared { version: None, differences: Vec::new() }));
    };
    let (before, after) = old.comparable_with(&new);
    let differences = differences(&before, &after);
    Ok(Some(Compared { version: Some(old.version), differences }))
}

fn document(examined: &Examined, compared: Option<&Compared>) -> Value {
    let mut document = json!({
        "file": examined.path,
        "bytes": examined.bytes,
        "native_bytes": examined.anatomy.native_bytes,
        "digest": examined.digest,
        "serves": examined.outcome.is_ok(),
        "errors": examined.outcome.as_ref().err().cloned().unwrap_or_default(),
    });
    if let Ok(loaded) = &examined.outcome {
        let grants = &loaded.plugin.context.grants;
        document["name"] = json!(loaded.plugin.name.as_str());
        document["version"] = json!(loaded.plugin.manifest.version);
        document["compile_ms"] = json!(loaded.compile_ms);
        document["warnings"] = json!(loaded.warnings);
        document["capabilities"] = json!(loaded.plugin.capabilities);
        document["requested"] = json!(grants.requested());
        document["granted"] = json!(grants);
        document["missing"] = json!(grants.missing());
        document["missing_toml"] = json!(grants.missing_toml());
    }
    if let Some(compared) = compared {
        document["against"] = json!({ "version": compared.version });
        document["differences"] = json!(compared.differences);
    }
    document
}

fn text(examined: &Examined, loaded: &Loaded, compared: Option<&Compared>) -> Vec<String> {
    let plugin = &loaded.plugin;
    let native = examined.anatomy.native_bytes.map_or(0, |bytes| bytes as u64);
    let mut lines = vec![
        format!("{} {} can serve", plugin.name, plugin.manifest.version),
        format!(
            "size: {}; {} of native code, compiled in {} ms",
            size::shown(examined.bytes),
            size::shown(native),
            loaded.compile_ms.unwrap_or(0)
        ),
        format!("exports: {}", plugin.capabilities.join(", ")),
    ];
    lines.extend(loaded.warnings.iter().map(|warning| format!("warning: {warning}")));
    if let Some(toml) = plugin.context.grants.missing_toml() {
        lines.push("it asks for more than is granted; to grant it, in moothall.toml:".to_owned());
        lines.push(String::new());
        lines.push(toml);
    }
    lines.extend(compared.into_iter().flat_map(|compared| compared.lines()));
    lines
}

impl Compared {
    fn lines(&self) -> Vec<String> {
        let Some(version) = &self.version else {
            return vec!["the host serves no version of it yet".to_owned()];
        };
        let head = match self.differences.len() {
            0 => format!("nothing that matters to others differs from {version}"),
            _ => format!("differences from {version}:"),
        };
        let shown = self.differences.iter().map(|one| format!("  {one}"));
        std::iter::once(head).chain(shown).collect()
    }
}
