//! Notices changes of a project's files, and the signals that end a command.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use anyhow::Context;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::plugin::dev_file;

/// The files must be unchanged for so long: an editor writes several at once.
const QUIET: Duration = Duration::from_millis(200);
/// What a plugin is made of, in a project's folder. `target` and what an editor keeps there are not watched.
const SOURCES: &[&str] = &["src", "moothall-sdk"];
const FILES: &[&str] = &["Cargo.toml", "build.rs", "rust-toolchain.toml"];

/// What a developing author has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Happened {
    Sources,
    /// The host has to start again.
    DevFile,
    /// SIGINT or SIGTERM.
    Ended,
}

pub struct Watch {
    happened: Receiver<Happened>,
    _watcher: RecommendedWatcher,
}

impl Watch {
    pub fn begin(project: &Path) -> anyhow::Result<Self> {
        let (tell, happened) = channel();
        end_by_signal(tell.clone())?;
        let cannot = || format!("changes in {} cannot be noticed", project.display());
        let folder = project.canonicalize().with_context(cannot)?;
        let root = folder.clone();
        let on_change = move |event: notify::Result<Event>| {
            // Where the system has lost track, anything may have changed.
            let what = match event {
                Ok(event) if !event.need_rescan() => meaning(&event, &root),
                _ => Some(Happened::Sources),
            };
            if let Some(what) = what {
                // Nobody may be listening any more.
                tell.send(what).unwrap_or_default();
            }
        };
        let mut watcher = notify::recommended_watcher(on_change).with_context(cannot)?;
        watcher.watch(&folder, RecursiveMode::NonRecursive).with_context(cannot)?;
        for sources in SOURCES.iter().map(|sources| folder.join(sources)) {
            if sources.is_dir() {
                watcher.watch(&sources, RecursiveMode::Recursive).with_context(cannot)?;
            }
        }
        Ok(Self { happened, _watcher: watcher })
    }

    /// Waits until something has happened and the files are quiet.
    pub fn next(&self) -> anyhow::Result<Happened> {
        let mut most = self.happened.recv().context("changes are not noticed any more")?;
        loop {
            match self.happened.recv_timeout(QUIET) {
                _ if most == Happened::Ended => return Ok(most),
                Ok(more) => most = most.max(more),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(most),
            }
        }
    }
}

/// What a change means; nothing if only something was read, or another file has changed.
fn meaning(event: &Event, project: &Path) -> Option<Happened> {
    if event.kind.is_access() {
        return None;
    }
    event.paths.iter().filter_map(|path| of_path(path.strip_prefix(project).ok()?)).max()
}

/// The same of a path in the project.
fn of_path(path: &Path) -> Option<Happened> {
    let (name, first) = (path.file_name()?.to_str()?, path.iter().next()?.to_str()?);
    match name {
        // Editors' own files, which come and go.
        name if name.starts_with('.') || name.ends_with('~') => None,
        _ if path == Path::new(dev_file::NAME) => Some(Happened::DevFile),
        name if path == Path::new(name) && FILES.contains(&name) => Some(Happened::Sources),
        name if path != Path::new(name) && SOURCES.contains(&first) => Some(Happened::Sources),
        _ => None,
    }
}

/// Tells of SIGINT and SIGTERM, so that the host and its directory go first.
fn end_by_signal(tell: Sender<Happened>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut term, mut int) = runtime.block_on(async {
        std::io::Result::Ok((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?))
    })?;
    let wait = move || {
        runtime.block_on(async {
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
        });
        tell.send(Happened::Ended).unwrap_or_default();
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(wait)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_plugin_is_made_of_means_something() {
        let meaning = |path: &str| of_path(Path::new(path));
        for path in ["src/lib.rs", "src/a/data.json", "Cargo.toml", "moothall-sdk/wit/x.wit"] {
            assert_eq!(meaning(path), Some(Happened::Sources), "{path}");
        }
        assert_eq!(meaning("dev.toml"), Some(Happened::DevFile));
        for path in ["README.md", "src/.lib.rs.swp", "src/lib.rs~", "Cargo.lock", "target"] {
            assert_eq!(meaning(path), None, "{path}");
        }
    }
}
