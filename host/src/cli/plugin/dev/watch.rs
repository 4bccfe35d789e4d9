//! Notices changes of a project's files, and the signals that end a command.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use notify::event::ModifyKind;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::app::tell_of_first_signal;
use crate::cli::answer::note;
use crate::cli::plugin::{dev_file, sdk};

/// The files must be unchanged for so long: an editor writes several at once.
const QUIET: Duration = Duration::from_millis(200);
/// The longest wait for that: something may write without an end.
const RESTLESS: Duration = Duration::from_secs(2);
/// What a plugin is made of, in a project's folder. What tools and editors keep there is not watched.
const SOURCES: &[&str] = &["src", sdk::FOLDER];
const FILES: &[&str] = &[
    "Cargo.toml",
    "build.rs",
    "package.json",
    "pyproject.toml",
    "requirements.txt",
    "rust-toolchain.toml",
];
/// Folders among the sources in which tools keep what they make.
const OF_TOOLS: &[&str] = &["__pycache__", "node_modules", "target"];

/// What a developing author has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Happened {
    Sources,
    /// The host has to start again.
    DevFile,
    /// SIGINT, SIGTERM or SIGHUP.
    Ended,
}

/// What happened, and when it began to.
pub struct Change {
    pub what: Happened,
    pub since: Instant,
}

pub struct Watch {
    /// With the moment in which it happened, which may be long before it is asked for.
    happened: Receiver<(Happened, Instant)>,
    watcher: RecommendedWatcher,
    folder: PathBuf,
}

impl Watch {
    pub fn begin(project: &Path) -> anyhow::Result<Self> {
        let (tell, happened) = channel();
        let told = tell.clone();
        // Nobody may be listening any more, here and below.
        tell_of_first_signal(move || {
            note("ending, after what is under way; a second Ctrl-C ends it at once");
            told.send((Happened::Ended, Instant::now())).unwrap_or_default();
        })?;
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
                tell.send((what, Instant::now())).unwrap_or_default();
            }
        };
        let mut watcher = notify::recommended_watcher(on_change).with_context(cannot)?;
        watcher.watch(&folder, RecursiveMode::NonRecursive).with_context(cannot)?;
        let mut watch = Self { happened, watcher, folder };
        watch.watch_sources()?;
        Ok(watch)
    }

    /// Waits until something has happened and the files are quiet; returns nothing if nothing has happened for so long.
    pub fn next(&mut self, patience: Duration) -> anyhow::Result<Option<Change>> {
        let (mut what, since) = match self.happened.recv_timeout(patience) {
            Ok(happened) => happened,
            Err(RecvTimeoutError::Timeout) => return Ok(None),
            Err(RecvTimeoutError::Disconnected) => bail!("changes are not noticed any more"),
        };
        let begun = Instant::now();
        while what != Happened::Ended && begun.elapsed() < RESTLESS {
            let Ok((more, _)) = self.happened.recv_timeout(QUIET) else { break };
            what = what.max(more);
        }
        if what != Happened::Ended {
            self.watch_sources()?;
        }
        Ok(Some(Change { what, since }))
    }

    /// Watches the folders that have these names now: another may have taken a folder's place, as `git checkout` does it,
    /// and the system goes on watching the one that was there.
    fn watch_sources(&mut self) -> anyhow::Result<()> {
        for sources in SOURCES.iter().map(|sources| self.folder.join(sources)) {
            // It may not be watched, or not be there any more.
            drop(self.watcher.unwatch(&sources));
            if sources.is_dir()
                && let Err(error) = self.watcher.watch(&sources, RecursiveMode::Recursive)
                // One that goes away meanwhile comes back with an event of its own.
                && sources.is_dir()
            {
                return Err(error).with_context(|| {
                    format!("changes in {} cannot be noticed", sources.display())
                });
            }
        }
        Ok(())
    }
}

/// What a change means; nothing if only something was read, or another file has changed. npm sets the mode of the SDK's
/// program when it installs, which changes nothing.
fn meaning(event: &Event, project: &Path) -> Option<Happened> {
    let is_metadata = matches!(event.kind, EventKind::Modify(ModifyKind::Metadata(_)));
    if event.kind.is_access() {
        return None;
    }
    let paths = event.paths.iter().filter_map(|path| path.strip_prefix(project).ok());
    let paths = paths.filter(|path| !(is_metadata && path.starts_with(sdk::FOLDER)));
    paths.filter_map(of_path).max()
}

/// The same of a path in the project.
fn of_path(path: &Path) -> Option<Happened> {
    let (name, first) = (path.file_name()?.to_str()?, path.iter().next()?.to_str()?);
    match name {
        // Editors' own files, which come and go.
        name if name.starts_with('.') || name.ends_with('~') => None,
        _ if path == Path::new(dev_file::NAME) => Some(Happened::DevFile),
        _ if path.iter().any(|part| part.to_str().is_some_and(|part| OF_TOOLS.contains(&part))) => {
            None
        }
        name if path == Path::new(name) && FILES.contains(&name) => Some(Happened::Sources),
        // The folder itself: another may have taken its place.
        name if path == Path::new(name) && SOURCES.contains(&name) => Some(Happened::Sources),
        name if path != Path::new(name) && SOURCES.contains(&first) => Some(Happened::Sources),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{DataChange, MetadataKind};

    use super::*;

    #[test]
    fn a_mode_that_npm_sets_in_the_sdk_means_nothing() {
        let of = |kind, path: &str| {
            meaning(&Event::new(kind).add_path(Path::new("/p").join(path)), Path::new("/p"))
        };
        let mode = EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any));
        let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        assert_eq!(of(mode, "moothall-sdk/bin/build.js"), None);
        assert_eq!(of(written, "moothall-sdk/bin/build.js"), Some(Happened::Sources));
        assert_eq!(of(mode, "src/lib.rs"), Some(Happened::Sources), "as `touch` does it");
    }

    #[test]
    fn only_what_the_plugin_is_made_of_means_something() {
        let meaning = |path: &str| of_path(Path::new(path));
        for path in ["src", "src/lib.rs", "src/a/data.json", "Cargo.toml", "moothall-sdk/wit/x.wit"]
        {
            assert_eq!(meaning(path), Some(Happened::Sources), "{path}");
        }
        assert_eq!(meaning("dev.toml"), Some(Happened::DevFile));
        for path in [
            "README.md",
            "src/.lib.rs.swp",
            "src/lib.rs~",
            "src/__pycache__/plugin.pyc",
            "Cargo.lock",
            "target",
        ] {
            assert_eq!(meaning(path), None, "{path}");
        }
    }
}
