//! `moothall plugin replay`: runs a recorded call again, with the recorded plugin file or another one.

mod as_test;
mod at_save;
mod stage;
mod told;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;

use crate::cli::answer::answer;
use crate::cli::plugin::host_client::HostArgs;
use crate::cli::plugin::project::Project;
use crate::cli::plugin::recordings::fetch;
use moothall_values::recording::Recording;

pub use at_save::ReplayAtSaveArgs;
pub use stage::Stage;
pub use told::Verdict;

#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The id of a call or of its request on the host; or a file that `--save` has written.
    #[arg(value_name = "CALL")]
    call: String,
    /// The plugin file that is called. Left out: the project in the working directory is built.
    #[arg(long, value_name = "FILE")]
    with: Option<PathBuf>,
    /// Write the recording into a file, to replay it elsewhere; nothing is called.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["with", "as_test"])]
    save: Option<PathBuf>,
    /// Keep the call as a native test of the project in the working directory.
    #[arg(long)]
    as_test: bool,
    #[command(flatten)]
    host: HostArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub fn replay(args: &ReplayArgs) -> anyhow::Result<()> {
    let (recording, text) = named(args)?;
    if let Some(file) = &args.save {
        std::fs::write(file, &text)
            .with_context(|| format!("{} cannot be written", file.display()))?;
        return answer(&format!("the call {} is in {}", recording.call.id, file.display()));
    }
    let project = if args.as_test { Some(Project::here()?) } else { None };
    let file = component(args, &recording)?;
    let recording = Arc::new(recording);
    let stage = Stage::new(&file, std::slice::from_ref(&recording))?;
    let repeated = stage.repeat(&recording).map_err(anyhow::Error::msg)?;
    let verdict = Verdict::of(&recording, &repeated);
    let is_recorded = stage.digest == recording.call.digest;
    match args.json {
        true => answer(&told::document(&recording, &repeated, verdict, is_recorded).to_string())?,
        false => {
            let head = told::head(&recording, is_recorded, &stage.digest);
            head.iter().try_for_each(|line| answer(line))?;
            told::text(&recording, &repeated, verdict).iter().try_for_each(|line| answer(line))?;
        }
    }
    if let Some(project) = project {
        let written = as_test::write(&project, &recording, &text, &repeated)?;
        return match args.json {
            true => Ok(()),
            false => answer(&written),
        };
    }
    match verdict {
        Verdict::Same | Verdict::Mended => Ok(()),
        Verdict::Differs => bail!("the call does not run as it was recorded"),
    }
}

/// From a file, if there is one of that name; else from the host.
fn named(args: &ReplayArgs) -> anyhow::Result<(Recording, String)> {
    let file = Path::new(&args.call);
    if !file.is_file() {
        if file.extension().is_some() {
            bail!("there is no file {}; write a recording with `--save`", file.display());
        }
        return fetch(&args.host.client()?, &args.call);
    }
    if args.host.is_given() {
        bail!("{} is a file, and needs no host; leave out --host", file.display());
    }
    let text = std::fs::read_to_string(file);
    let text = text.with_context(|| format!("{} cannot be read", file.display()))?;
    let recording = Recording::parse(&text).map_err(anyhow::Error::msg);
    let recording = recording.with_context(|| file.display().to_string())?;
    Ok((recording, text))
}

/// The file that is called.
fn component(args: &ReplayArgs, recording: &Recording) -> anyhow::Result<PathBuf> {
    if let Some(file) = &args.with {
        return Ok(file.clone());
    }
    let Ok(project) = Project::here() else {
        let call = &recording.call;
        bail!(
            "a host hands out no plugin files: name the one of `{}` {} with --with FILE (recorded was the file with the \
             SHA-256 {}), or change to its project's folder, which is built then",
            call.plugin,
            call.version,
            call.digest
        );
    };
    project.build()
}
