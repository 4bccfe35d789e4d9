//! `moothall doctor`: looks for what keeps a host from working here, or is about to. It reads, and changes nothing, also while
//! a host runs.

mod data;
mod machine;
mod network;
mod plugins;

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::cli::answer::{answer, hanging};
use crate::cli::data_args::DataArgs;
use moothall_core::config::{Config, Listen, load};
use moothall_store::ExaminedDatabase;

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// One JSON object with all findings.
    #[arg(long)]
    json: bool,
    /// Look up and connect to no host that plugins are granted.
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Good,
    /// The host works, but something is not as it should be.
    Warning,
    /// The host does not start, or does not work.
    Error,
}

#[derive(Clone, Debug, Serialize)]
struct Finding {
    /// What was looked at.
    subject: &'static str,
    level: Level,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Finding {
    fn good(subject: &'static str, found: impl Into<String>) -> Self {
        Self { subject, level: Level::Good, found: found.into(), remedy: None }
    }

    fn warning(subject: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { level: Level::Warning, remedy: Some(remedy.into()), ..Self::good(subject, found) }
    }

    fn error(subject: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { level: Level::Error, remedy: Some(remedy.into()), ..Self::good(subject, found) }
    }
}

/// Fails if one of the findings is an error.
pub fn doctor(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let findings = findings(args)?;
    let worst = findings.iter().map(|one| one.level).max();
    match args.json {
        true => answer(&json!({ "findings": findings }).to_string())?,
        false => findings.iter().try_for_each(|one| answer(&lines(one)))?,
    }
    Ok(if worst == Some(Level::Error) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn findings(args: &DoctorArgs) -> anyhow::Result<Vec<Finding>> {
    let config = match load(&args.data.sources()?) {
        Ok(config) => config,
        Err(error) => {
            let remedy = "correct it; `moothall reference settings` describes every setting";
            return Ok(vec![Finding::error("configuration", error.to_string(), remedy)]);
        }
    };
    let mut all = vec![configuration(&config)];
    let database = data::look(&config, &mut all);
    all.push(keys(&config, database.as_ref()));
    plugins::look(&config, &mut all);
    machine::look(&config, database.as_ref(), &mut all);
    if !args.offline {
        network::look(&config, &mut all)?;
    }
    Ok(all)
}

fn configuration(config: &Config) -> Finding {
    match config.service_links.as_slice() {
        [] => Finding::good("configuration", "no mistake found"),
        links => Finding::warning(
            "configuration",
            format!("Kubernetes has made variables that look like settings: {}", links.join(", ")),
            "set `enableServiceLinks: false` in the pod, or give the service another name",
        ),
    }
}

/// Without a key, whoever reaches the API may do everything.
fn keys(config: &Config, database: Option<&ExaminedDatabase>) -> Finding {
    let listens_here = match &config.listen {
        Listen::Unix(_) => true,
        Listen::Tcp { host, .. } => {
            host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        }
    };
    let (made, valid) = database.map_or((0, 0), |found| (found.made_keys, found.valid_keys));
    match valid {
        0 if made > 0 => Finding::error(
            "API keys",
            "all are revoked or have expired: nobody can use the API".to_owned(),
            "make one with `moothall key create NAME`",
        ),
        0 if listens_here => {
            Finding::good("API keys", "none: whoever reaches this machine's own address needs none")
        }
        0 => Finding::error(
            "API keys",
            format!(
                "none, and the host listens at {}: whoever reaches it may do everything",
                config.listen
            ),
            "make one with `moothall key create NAME`; from then on every request needs one",
        ),
        count => Finding::good("API keys", format!("{count} valid")),
    }
}

fn lines(Finding { subject, level, found, remedy }: &Finding) -> String {
    let mark = match level {
        Level::Good => "ok     ",
        Level::Warning => "warning",
        Level::Error => "error  ",
    };
    let said = hanging(&format!("{mark}  {subject}: {found}"), 9);
    match remedy {
        Some(remedy) => format!("{said}\n         {}", hanging(remedy, 9)),
        None => said,
    }
}
