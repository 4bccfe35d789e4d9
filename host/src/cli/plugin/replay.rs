//! `moothall plugin replay`: runs a recorded call again, with the recorded plugin file or another one.

mod as_test;
mod at_save;
mod stage;
mod told;

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use serde_json::json;

use crate::cli::answer::answer;
use crate::cli::plugin::host_client::HostArgs;
use crate::cli::plugin::language::Language;
use crate::cli::plugin::project::Project;
use crate::cli::plugin::recordings::fetch;
use moothall_engine::calls::Repeated;
use moothall_values::recording::Recording;

pub use at_save::ReplayAtSaveArgs;
pub use stage::Stage;
pub use told::Verdict;

/// Shown below the help.
const EXIT_CODES: &str = "\
Exit codes:
  0  the call ran as it was recorded, or it failed then and succeeds now; with --save or --as-test: the file or the test is
     written, however the call runs
  1  the call runs otherwise, or it cannot be repeated, saved or kept
  2  wrong usage";

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct ReplayArgs {
    /// The id of a call or of its request on the host; or a file that `--save` has written.
    #[arg(value_name = "CALL")]
    call: String,
    /// The plugin file that is called. Left out: the project in the working directory is built.
    #[arg(long, value_name = "FILE")]
    with: Option<PathBuf>,
    /// Write the recording into a new file, to replay it elsewhere; nothing is called.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["with", "as_test"])]
    save: Option<PathBuf>,
    /// Keep the call as a native test of the project in the working directory, which has to be one in Rust.
    #[arg(long)]
    as_test: bool,
    #[command(flatten)]
    host: HostArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub fn replay(args: &ReplayArgs) -> anyhow::Result<()> {
    let project = if args.as_test { Some(project_with_tests()?) } else { None };
    let (recording, text) = named(args)?;
    if let Some(file) = &args.save {
        return save(args, &recording, (text.as_str(), file.as_path()));
    }
    let file = component(args, &recording)?;
    let recording = Arc::new(recording);
    let stage = Stage::new(&file, std::slice::from_ref(&recording))?;
    let repeated = stage.repeat(&recording).map_err(anyhow::Error::msg)?;
    let verdict = Verdict::of(&recording, &repeated);
    tell(args, (&recording, &repeated), verdict, &stage.digest)?;
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

/// The project in the working directory, if calls can be kept there: the other languages' in-memory hosts repeat none.
fn project_with_tests() -> anyhow::Result<Project> {
    let project = Project::here()?;
    if project.language != Language::Rust {
        bail!(
            "a recorded call becomes a test only in a project in Rust; keep the recording with `--save FILE`, replay that with \
             `moothall plugin replay FILE`, which fails while the call runs otherwise, and write a test of what it shows"
        );
    }
    Ok(project)
}

/// A file that is there is never written over.
fn save(args: &ReplayArgs, recording: &Recording, saved: (&str, &Path)) -> anyhow::Result<()> {
    let ((text, file), id) = (saved, &recording.call.id);
    let written = File::create_new(file).and_then(|mut to| to.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => anyhow!("{} exists already; name a new file", file.display()),
        _ => anyhow!("{} cannot be written: {error}", file.display()),
    })?;
    match args.json {
        true => answer(&json!({ "call": id, "file": file }).to_string()),
        false => answer(&format!("the call {id} is in {}", file.display())),
    }
}

fn tell(
    args: &ReplayArgs,
    (recording, repeated): (&Recording, &Repeated),
    verdict: Verdict,
    digest: &str,
) -> anyhow::Result<()> {
    let is_recorded = digest == recording.call.digest;
    if args.json {
        let document = told::document(recording, repeated, verdict, is_recorded);
        return answer(&document.to_string());
    }
    let head = told::head(recording, is_recorded, digest);
    let mut lines = head.into_iter().chain(told::text(recording, repeated, verdict));
    lines.try_for_each(|line| answer(&line))
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
