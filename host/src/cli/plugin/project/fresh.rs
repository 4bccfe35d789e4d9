//! Whether a component is what its project would build now, for tools that build anew each time: a note in the project has
//! a digest of the component and of what it was made from.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::Context;
use sha2::{Digest as _, Sha256};

/// The note's name.
const NOTE: &str = ".moothall-built";
/// Folders in which tools keep what they make, beside those whose names begin with a dot.
const OF_TOOLS: &[&str] = &["__pycache__", "node_modules"];

/// A component, and the folder of its project.
pub struct Component<'a> {
    pub file: PathBuf,
    pub project: &'a Path,
}

impl Component<'_> {
    /// Builds it, unless it was built from the project as it is.
    pub fn build(self, build: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<PathBuf> {
        // What changes during the build may not be in it.
        let sources = digest_of(self.project)?;
        let is_fresh = self.noted().is_some_and(|noted| Some(noted) == self.note(&sources));
        if !is_fresh {
            build()?;
            let note = self.note(&sources).context("the component was not built")?;
            std::fs::write(self.project.join(NOTE), note)
                .with_context(|| format!("{NOTE} cannot be written"))?;
        }
        Ok(self.file)
    }

    fn noted(&self) -> Option<String> {
        std::fs::read_to_string(self.project.join(NOTE)).ok()
    }

    /// What is noted of the component as it is; nothing if there is none.
    fn note(&self, sources: &str) -> Option<String> {
        let component = std::fs::read(&self.file).ok()?;
        Some(format!("{sources} {}\n", hex(Sha256::digest(component))))
    }
}

/// Of the names, sizes and times of all files of a project.
fn digest_of(project: &Path) -> anyhow::Result<String> {
    let mut digest = Sha256::new();
    add(&mut digest, project)
        .with_context(|| format!("the project in {} cannot be read", project.display()))?;
    Ok(hex(digest.finalize()))
}

fn add(digest: &mut Sha256, folder: &Path) -> std::io::Result<()> {
    let mut paths = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>, std::io::Error>>()?;
    paths.sort();
    for path in paths.into_iter().filter(|path| is_source(path)) {
        // What a link leads to may lead back.
        let file = path.symlink_metadata()?;
        let changed = file.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        digest.update(path.as_os_str().as_encoded_bytes());
        if file.is_dir() {
            add(digest, &path)?;
        } else {
            digest.update(format!("\0{} {}\0", file.len(), changed.as_nanos()));
        }
    }
    Ok(())
}

fn is_source(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !name.starts_with('.') && !name.ends_with(".wasm") && !OF_TOOLS.contains(&&*name)
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs::{create_dir_all, remove_file, rename, write};
    use std::thread::sleep;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_component_is_built_again_when_anything_in_the_project_changes() {
        let project = tempfile::tempdir().expect("a folder");
        let at = |path: &str| project.path().join(path);
        let builds = Cell::new(0);
        let build = || {
            let component = Component { file: at("x.wasm"), project: project.path() };
            let built = component.build(|| {
                builds.set(builds.get() + 1);
                Ok(write(at("x.wasm"), format!("wasm {}", builds.get()))?)
            });
            built.expect("it is built");
            // The file system's clock may be coarse.
            sleep(Duration::from_millis(20));
            builds.get()
        };
        create_dir_all(at("src/a")).expect("a folder");
        write(at("src/a/b.py"), "1").expect("written");
        assert_eq!([build(), build()], [1, 1]);
        write(at("src/a/b.py"), "2").expect("written");
        assert_eq!([build(), build()], [2, 2]);
        rename(at("src/a/b.py"), at("b.py")).expect("moved");
        assert_eq!([build(), build()], [3, 3]);
        remove_file(at("b.py")).expect("removed");
        assert_eq!([build(), build()], [4, 4]);
        write(at("x.wasm"), "of another tool").expect("written");
        assert_eq!([build(), build()], [5, 5]);
        create_dir_all(at(".venv")).expect("a folder");
        write(at(".venv/x"), "").expect("written");
        assert_eq!(build(), 5);
    }

    #[test]
    fn what_changes_during_a_build_or_fails_is_built_again() {
        let project = tempfile::tempdir().expect("a folder");
        let (source, file) = (project.path().join("src"), project.path().join("x.wasm"));
        let builds = Cell::new(0);
        let mut outcomes = [Err(anyhow::anyhow!("it is interrupted")), Ok(()), Ok(())].into_iter();
        let mut build = || {
            let component = Component { file: file.clone(), project: project.path() };
            let built = component.build(|| {
                builds.set(builds.get() + 1);
                write(&file, "wasm")?;
                if builds.get() == 2 {
                    write(&source, "saved meanwhile")?;
                }
                outcomes.next().expect("an outcome")
            });
            built.is_ok()
        };
        assert_eq!([build(), build(), build(), build()], [false, true, true, true]);
        assert_eq!(builds.get(), 3);
    }
}
