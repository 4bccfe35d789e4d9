//! Whether a component is what its project would build now, for tools that build anew each time. A component has the time
//! at which its build began: a file that changes meanwhile is newer.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;

/// Folders in which tools keep what they make, beside those whose names begin with a dot.
const OF_TOOLS: &[&str] = &["__pycache__", "node_modules"];

/// A component, and the folder of its project.
pub struct Component<'a> {
    pub file: PathBuf,
    pub project: &'a Path,
}

impl Component<'_> {
    /// Builds it, unless it is newer than everything in the project.
    pub fn build(self, build: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<PathBuf> {
        if !self.is_fresh() {
            let begun = SystemTime::now();
            build()?;
            File::options()
                .write(true)
                .open(&self.file)
                .and_then(|file| file.set_modified(begun))
                .with_context(|| format!("{} was not built", self.file.display()))?;
        }
        Ok(self.file)
    }

    fn is_fresh(&self) -> bool {
        let built = self.file.metadata().and_then(|file| file.modified());
        let changed = newest_in(self.project);
        matches!((built, changed), (Ok(built), Ok(changed)) if changed < built)
    }
}

/// When anything in a folder changed last. A folder in it changes when something there comes or goes.
fn newest_in(folder: &Path) -> std::io::Result<SystemTime> {
    let mut newest = SystemTime::UNIX_EPOCH;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if is_source(&path) {
            newest = newest.max(path.symlink_metadata()?.modified()?);
            // What a link leads to may lead back.
            if entry.file_type()?.is_dir() {
                newest = newest.max(newest_in(&path)?);
            }
        }
    }
    Ok(newest)
}

fn is_source(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !name.starts_with('.') && !name.ends_with(".wasm") && !OF_TOOLS.contains(&&*name)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_component_is_built_again_when_what_it_is_made_of_changes() {
        let project = tempfile::tempdir().expect("a folder");
        let at = |path: &str| project.path().join(path);
        std::fs::create_dir_all(at("src/a")).expect("a folder");
        std::fs::write(at("src/a/b.py"), "1").expect("written");
        let builds = Cell::new(0);
        let build = || {
            let component = Component { file: at("x.wasm"), project: project.path() };
            let built = component.build(|| {
                builds.set(builds.get() + 1);
                Ok(std::fs::write(at("x.wasm"), "wasm")?)
            });
            built.expect("it is built");
            // The file system's clock may be coarse.
            std::thread::sleep(Duration::from_millis(20));
            builds.get()
        };
        assert_eq!([build(), build()], [1, 1]);
        std::fs::write(at("src/a/b.py"), "2").expect("written");
        assert_eq!([build(), build()], [2, 2]);
        std::fs::remove_file(at("src/a/b.py")).expect("removed");
        assert_eq!(build(), 3);
        std::fs::write(at("lock"), "").expect("written");
        assert_eq!(build(), 4);
        std::fs::create_dir(at(".venv")).expect("a folder");
        std::fs::write(at(".venv/x"), "").expect("written");
        assert_eq!(build(), 4);
    }

    #[test]
    fn what_changes_during_a_build_is_in_the_next_one() {
        let project = tempfile::tempdir().expect("a folder");
        let source = project.path().join("src");
        let component =
            || Component { file: project.path().join("x.wasm"), project: project.path() };
        let saved = component().build(|| {
            std::thread::sleep(Duration::from_millis(20));
            std::fs::write(&source, "newer")?;
            Ok(std::fs::write(project.path().join("x.wasm"), "wasm")?)
        });
        saved.expect("it is built");
        assert!(!component().is_fresh());
    }
}
