//! `moothall plugin dev`: a host of one's own that always has the project as it is now.

mod watch;

use std::io::Write;
use std::path::Path;

use clap::Args;

use crate::cli::answer::answer;
use crate::cli::plugin::dev_file::{self, DevFile};
use crate::cli::plugin::project::Project;
use crate::cli::plugin::temporary_host::{COMMUNITY, TemporaryHost};

use watch::{Happened, Watch};

#[derive(Debug, Args)]
pub struct DevArgs {
    /// Where the host listens: HOST:PORT.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    listen: String,
}

pub fn dev(args: &DevArgs) -> anyhow::Result<()> {
    let project = Project::here()?;
    // Before the first build: what changes meanwhile is built afterwards.
    let watch = Watch::begin(&project.folder)?;
    let mut host = None;
    tell(started(&project, &args.listen, &mut host));
    loop {
        match watch.next()? {
            Happened::Ended => return Ok(()),
            Happened::Sources => tell(replaced(&project, &args.listen, &mut host)),
            Happened::DevFile => tell(started(&project, &args.listen, &mut host)),
        }
    }
}

/// Builds the project, and starts a host with it, in the place of the one that runs.
fn started(
    project: &Project,
    listen: &str,
    host: &mut Option<TemporaryHost>,
) -> anyhow::Result<()> {
    let wasm = project.build()?;
    let dev = DevFile::read(Path::new(dev_file::NAME), false)?;
    // Its port is needed.
    drop(host.take());
    let new = host.insert(TemporaryHost::start(&wasm, &dev, listen)?);
    let url = new.client.url();
    answer(&format!("`{}` serves at {url} for the community `{COMMUNITY}`", new.plugin))?;
    answer("a change of the sources is built and replaces it; Ctrl-C ends the host")
}

/// Builds the project, and replaces the version that serves; that one stays if anything is wrong.
fn replaced(
    project: &Project,
    listen: &str,
    host: &mut Option<TemporaryHost>,
) -> anyhow::Result<()> {
    let Some(running) = host else { return started(project, listen, host) };
    let wasm = project.build()?;
    running.replace(&wasm)?;
    answer(&format!("`{}` serves as it is now", running.plugin))
}

/// A mistake in the project is told and ends nothing: the author is about to mend it.
fn tell(outcome: anyhow::Result<()>) {
    if let Err(error) = outcome {
        // If standard error is closed, nobody wants to know.
        drop(writeln!(std::io::stderr(), "moothall: {error:#}"));
    }
}
