//! The command line: its commands, and how it reports failures.
//!
//! Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 failed, 2 wrong
//! usage.

mod key;
mod serve;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};

use crate::app::DataDirectory;
use moothall_core::config::{Argument, Config, Sources, load};
use moothall_engine::plugins::compile::{Bounds, compile_here};
use moothall_store::Store;

/// Host for sandboxed community plugins.
#[derive(Debug, Parser)]
#[command(name = "moothall", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the HTTP API.
    Serve(serve::ServeArgs),
    /// Create, list and revoke API keys, also while the host runs.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Copy the database into FILE, also while the host runs. The sealing key is left out.
    Backup(BackupArgs),
    /// Compile a component from standard input: the host's own child process.
    #[command(hide = true)]
    Compile(CompileArgs),
}

/// The paths of the configuration and the data.
#[derive(Clone, Debug, Args)]
struct DataArgs {
    /// Configuration file; `moothall.toml` in the working directory if it is there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data directory; `moothall-data` in the working directory.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct BackupArgs {
    /// A file that does not exist yet.
    file: PathBuf,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
struct CompileArgs {
    file: PathBuf,
    #[arg(long)]
    memory_bytes: u64,
    #[arg(long)]
    cpu_seconds: u64,
    #[arg(long)]
    output_bytes: u64,
}

pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(args) => serve::serve(args),
        Command::Key(command) => key::key(command),
        Command::Backup(args) => backup(&args),
        Command::Compile(args) => compile(&args),
    }
}

fn compile(args: &CompileArgs) -> anyhow::Result<()> {
    let CompileArgs { memory_bytes, cpu_seconds, output_bytes, .. } = *args;
    let bounds = Bounds { memory_bytes, cpu_seconds, output_bytes };
    compile_here(&args.file, bounds).map_err(|message| anyhow::anyhow!(message))
}

fn backup(args: &BackupArgs) -> anyhow::Result<()> {
    if args.file.exists() {
        bail!("{} exists already; name a new file", args.file.display());
    }
    let config = args.data.load_existing()?;
    Store::backup(&config.database(), &config.store, &args.file)
        .with_context(|| format!("the backup {} cannot be written", args.file.display()))
}

impl DataArgs {
    fn sources(&self) -> anyhow::Result<Sources> {
        let mut arguments = Vec::new();
        if let Some(data) = &self.data {
            let value = text(data)?.into();
            arguments.push(Argument { option: "--data", setting: "data", value });
        }
        Ok(Sources { file: self.config.clone(), arguments })
    }

    fn load(&self) -> anyhow::Result<Config> {
        Ok(load(&self.sources()?)?)
    }

    /// Loads the configuration; fails if the database is missing.
    fn load_existing(&self) -> anyhow::Result<Config> {
        let config = self.load()?;
        let database = config.database();
        if !database.is_file() {
            bail!("there is no database {}; name its directory with --data", database.display());
        }
        Ok(config)
    }

    /// Opens the database; fails if it is missing.
    fn store(&self) -> anyhow::Result<(Store, DataDirectory)> {
        open(&self.load_existing()?)
    }

    /// Opens the database, and makes it if it is missing. Makes the directory only if it is the default one, or `is_new`.
    fn store_or_new(&self, is_new: bool) -> anyhow::Result<(Store, DataDirectory)> {
        let config = self.load()?;
        if !is_new {
            DataDirectory::refuse_lost(&config)?;
            refuse_mistyped(&config.data)?;
        }
        open(&config)
    }
}

/// Opens the database; without migrating it if a host is using it.
fn open(config: &Config) -> anyhow::Result<(Store, DataDirectory)> {
    let data = DataDirectory::open(&config.data)?;
    let store = match data.try_lock()? {
        true => Store::open(&config.database(), &config.store)?,
        false => Store::open_beside_host(&config.database(), &config.store)?,
    };
    Ok((store, data))
}

/// Catches a mistyped `--data`: a new database beside it would be no use.
fn refuse_mistyped(data: &Path) -> anyhow::Result<()> {
    if data.is_dir() || data == Config::default().data {
        return Ok(());
    }
    bail!(
        "there is no data directory {}; name the one that the host uses with --data, or make this one with --new",
        data.display()
    )
}

fn text(path: &Path) -> anyhow::Result<String> {
    path.to_str()
        .map(str::to_owned)
        .with_context(|| format!("the path {} is not UTF-8", path.display()))
}

/// Prints an error. If standard error is closed, only the exit code shows the failure.
fn complain(sentence: &str) {
    drop(writeln!(std::io::stderr(), "moothall: {sentence}"));
}

/// A line of a command's result.
fn answer(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("standard output cannot be written")
}
