//! The command line: its commands, and how it reports failures.
//!
//! Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 failed, 2 wrong
//! usage.

mod answer;
mod backup;
mod config;
mod data_args;
mod doctor;
mod key;
mod manual;
mod plugin;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::cli::answer::note;
use moothall_engine::plugins::compile::{Bounds, compile_here};

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
    /// Make, build, check and call plugins.
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// Copy the database into FILE, also while the host runs. The sealing key is left out.
    Backup(backup::BackupArgs),
    /// Put a backup in the place of the database of a host that does not run. What was there is renamed.
    Restore(backup::RestoreArgs),
    /// Print every setting as it is in effect, and where it comes from.
    Config(config::ConfigArgs),
    /// Look for what keeps a host from working here, and say what to do about it. Changes nothing.
    Doctor(doctor::DoctorArgs),
    /// Print what a shell needs to complete these commands.
    Completions(manual::CompletionsArgs),
    /// Print the manual page, or write those of all commands into a folder.
    Man(manual::ManArgs),
    /// Print the reference of settings or of metrics, in Markdown.
    Reference(manual::ReferenceArgs),
    /// Compile a component from standard input: the host's own child process.
    #[command(hide = true)]
    Compile(CompileArgs),
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
        Ok(code) => code,
        Err(error) => {
            note(&format!("moothall: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::serve(args),
        Command::Key(command) => key::key(command),
        Command::Plugin(command) => plugin::plugin(command),
        Command::Backup(args) => backup::backup(&args),
        Command::Restore(args) => backup::restore(&args),
        Command::Config(args) => config::config(&args),
        Command::Doctor(args) => return doctor::doctor(&args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&args),
        Command::Reference(args) => manual::reference(&args),
        Command::Compile(args) => compile(&args),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn compile(args: &CompileArgs) -> anyhow::Result<()> {
    let CompileArgs { memory_bytes, cpu_seconds, output_bytes, .. } = *args;
    let bounds = Bounds { memory_bytes, cpu_seconds, output_bytes };
    compile_here(&args.file, bounds).map_err(|message| anyhow::anyhow!(message))
}
