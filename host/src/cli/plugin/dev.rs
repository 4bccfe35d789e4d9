//! `moothall plugin dev`: a host that always has the project as it is now, and what happens there.

mod own_file;
mod running_host;
mod serving;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;

use crate::cli::answer::{answer, note};
use crate::cli::plugin::dev_file::{self, DevFile};
use crate::cli::plugin::project::Project;
use crate::cli::plugin::replay::ReplayAtSaveArgs;
use crate::cli::plugin::tail::Lines;

use serving::Serving;
use watch::{Change, Happened, Watch};

/// How often the host is looked at while nothing changes.
const LOOK: Duration = Duration::from_millis(500);
/// A host that ends sooner than this is not started again before something has changed.
const STEADY: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub struct DevArgs {
    /// Where the host listens: HOST:PORT.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000", conflicts_with = "host")]
    listen: String,
    /// Serve the project on this running host, which reads the plugin directory --plugins, in place of a host of its own.
    #[arg(long, value_name = "URL", requires = "plugins")]
    host: Option<String>,
    /// The plugin directory of that host, on this machine: a host takes no plugin file over the network.
    #[arg(long, value_name = "DIR", requires = "host")]
    plugins: Option<PathBuf>,
    /// A file with an API key of that host.
    #[arg(long, value_name = "FILE", requires = "host")]
    key_file: Option<PathBuf>,
    /// The community on that host that gets the plugin; it is made if it is not there. [default: dev]
    #[arg(long, value_name = "SLUG", requires = "host")]
    community: Option<String>,
    #[command(flatten)]
    replay: ReplayAtSaveArgs,
}

/// What is developed, and where it serves.
struct Session<'a> {
    project: Project,
    args: &'a DevArgs,
    lines: Arc<Lines>,
    serving: Option<Serving>,
    begun: Instant,
}

pub fn dev(args: &DevArgs) -> anyhow::Result<()> {
    let project = Project::here()?;
    // Before the first build: what changes meanwhile is built afterwards.
    let mut watch = Watch::begin(&project.folder)?;
    let (lines, begun) = (Arc::default(), Instant::now());
    let mut session = Session { project, args, lines, serving: None, begun };
    tell(session.start());
    session.tell_if_nothing_serves();
    loop {
        match watch.next(LOOK)? {
            None => session.look_after_host(),
            Some(Change { what: Happened::Ended, .. }) => return session.end(),
            Some(Change { what: Happened::Sources, since }) => tell(session.replace(since)),
            Some(Change { what: Happened::DevFile, .. }) => tell(session.start()),
        }
    }
}

impl Session<'_> {
    /// Builds the project, and begins to serve it, in the place of what serves.
    fn start(&mut self) -> anyhow::Result<()> {
        let wasm = self.project.build()?;
        let dev = DevFile::read(&self.project.folder.join(dev_file::NAME), false)?;
        // The port is needed, and one tail is enough.
        drop(self.serving.take());
        self.begun = Instant::now();
        let serving = Serving::start(self.args, (&wasm, &dev), &self.lines)?;
        answer(&serving.told())?;
        self.serving = Some(serving);
        answer("a change of the sources is built and replaces it; Ctrl-C ends this")
    }

    fn tell_if_nothing_serves(&self) {
        if self.serving.is_none() {
            note(
                "nothing serves; the next change of the project's files tries again, Ctrl-C ends this",
            );
        }
    }

    /// Builds the project, and replaces the version that serves; that one stays if anything is wrong.
    fn replace(&mut self, since: Instant) -> anyhow::Result<()> {
        if self.serving.as_mut().is_none_or(|serving| serving.ended().is_some()) {
            return self.start();
        }
        let wasm = self.project.build()?;
        let Some(serving) = &mut self.serving else { return Ok(()) };
        serving.replace(&wasm, &self.lines)?;
        let seconds = since.elapsed().as_secs_f64();
        let plugin = serving.plugin();
        answer(&format!("`{plugin}` serves as it is now, {seconds:.1} s after the change"))?;
        self.args.replay.run(serving.client(), plugin, &wasm)
    }

    /// Says that the host has ended, and starts it again unless it ended right after its start.
    fn look_after_host(&mut self) {
        let Some(how) = self.serving.as_mut().and_then(Serving::ended) else { return };
        self.serving = None;
        if self.begun.elapsed() < STEADY {
            return tell(Err(anyhow::anyhow!(
                "the host has ended ({how}) right after its start; the next change starts it again"
            )));
        }
        tell(Err(anyhow::anyhow!(
            "the host has ended ({how}); it is started again, with nothing in it"
        )));
        tell(self.start());
    }

    fn end(self) -> anyhow::Result<()> {
        match self.serving.as_ref().and_then(Serving::stays) {
            Some(file) => answer(&format!("the host goes on serving {}", file.display())),
            None => Ok(()),
        }
    }
}

/// A mistake in the project is told and ends nothing: the author is about to mend it.
fn tell(outcome: anyhow::Result<()>) {
    if let Err(error) = outcome {
        note(&format!("moothall: {error:#}"));
    }
}
