//! `moothall completions` and `moothall man`: what shells and manual pages know of the command line, made of its
//! declaration; `moothall reference`: the same of settings and metrics.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::Shell;

use crate::cli::Cli;
use moothall_core::{config, telemetry};

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    shell: Shell,
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// A folder for the pages of all commands. Left out: the page of `moothall` itself is printed.
    folder: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ReferenceArgs {
    of: Reference,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Reference {
    /// Every setting: what it is, its unit, default, range and environment variable.
    Settings,
    /// Every metric: what it counts, its unit and labels.
    Metrics,
}

pub fn reference(args: &ReferenceArgs) -> anyhow::Result<()> {
    let page = match args.of {
        Reference::Settings => config::reference(),
        Reference::Metrics => telemetry::reference(),
    };
    print(page.as_bytes())
}

pub fn completions(args: &CompletionsArgs) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "moothall", &mut script);
    print(&script)
}

pub fn man(args: &ManArgs) -> anyhow::Result<()> {
    let Some(folder) = &args.folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page)?;
        return print(&page);
    };
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
        .with_context(|| format!("the manual pages cannot be written into {}", folder.display()))
}

fn print(text: &[u8]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text).and_then(|()| out.flush()).context("standard output cannot be written")
}
