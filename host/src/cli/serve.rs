//! `moothall serve`

use std::path::PathBuf;

use clap::Args;
use rustix::process::{Signal, getpid, kill_process};

use crate::app::{DataDirectory, Host};
use crate::cli::answer::answer;
use crate::cli::data_args::{DataArgs, text};
use moothall_core::config::{Argument, Sources, load};
use moothall_core::telemetry;
use moothall_core::telemetry::{Log, LogFormat};

#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Directory of plugin files; `plugins` in the data directory.
    #[arg(long, value_name = "DIR")]
    plugins: Option<PathBuf>,
    /// HOST:PORT, of which port 0 picks one, or unix:/PATH. [default: 127.0.0.1:8000]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Grant each plugin what its manifest asks for, but no secrets, no private addresses and no TCP. For
    /// development.
    #[arg(long)]
    grant_requested: bool,
    /// Begin with a new database where the old one is gone, but what lay beside it is not.
    #[arg(long)]
    new: bool,
    /// Form of the log on standard error.
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
    /// End when standard input ends, and so with the process that started this one.
    #[arg(long, hide = true)]
    end_with_stdin: bool,
}

impl ServeArgs {
    fn sources(&self) -> anyhow::Result<Sources> {
        let mut sources = self.data.sources()?;
        if let Some(plugins) = &self.plugins {
            sources.arguments.push(Argument {
                option: "--plugins",
                setting: "plugin_directory",
                value: text(plugins)?.into(),
            });
        }
        if let Some(listen) = &self.listen {
            let value = listen.as_str().into();
            sources.arguments.push(Argument { option: "--listen", setting: "listen", value });
        }
        if self.grant_requested {
            sources.arguments.push(Argument {
                option: "--grant-requested",
                setting: "grant_requested",
                value: true.into(),
            });
        }
        Ok(sources)
    }
}

pub fn serve(args: ServeArgs) -> anyhow::Result<()> {
    let sources = args.sources()?;
    let config = load(&sources)?;
    if !args.new {
        DataDirectory::refuse_lost(&config)?;
    }
    let filter = moothall_core::config::log_filter();
    let log = Log::to_stderr(&config.log, args.log_format, filter.as_deref());
    let metrics = telemetry::count(&config.metrics)?;
    let host = Host::new(config, sources, metrics, log.lost())?;
    if let Err(error) = answer(&format!("listening on {}", host.place())) {
        tracing::warn!("nobody is told where the host listens ({}): {error:#}", host.place());
    }
    if args.end_with_stdin {
        end_with_stdin()?;
    }
    let ended = host.run();
    drop(log);
    ended
}

/// Ends this host as SIGTERM does when standard input ends. Its signals are handled already.
fn end_with_stdin() -> std::io::Result<()> {
    std::thread::Builder::new().name("stdin".into()).spawn(|| {
        // What is read means nothing, and an error is an end, too.
        drop(std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
        if let Err(error) = kill_process(getpid(), Signal::TERM) {
            tracing::error!(%error, "standard input has ended, and the host cannot end itself");
        }
    })?;
    Ok(())
}
