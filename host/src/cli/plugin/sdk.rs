//! The SDK's sources in an author's project: writes them, and tells which ones are there.
//!
//! They lie in a folder of the project, with a digest of all files. So a project builds without a registry, also on a
//! machine without `moothall`, and it can be seen whether the sources are those of this binary, and unchanged.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use sha2::{Digest as _, Sha256};

use crate::cli::plugin::language::Language;
use crate::cli::plugin::project::Project;

/// The folder in a project.
pub const FOLDER: &str = "moothall-sdk";
/// The file with the digest.
pub const DIGEST: &str = "DIGEST";
/// What the languages' tools make there by themselves.
const OF_TOOLS: &[&str] =
    &["Cargo.lock", "__pycache__", "build", "moothall.egg-info", "node_modules", "target"];

/// The SDK that a project has.
#[derive(Debug, PartialEq, Eq)]
pub enum ProjectSdk {
    /// None of its own: it comes from a registry, or from elsewhere.
    Elsewhere,
    /// The one of this binary.
    Current,
    /// Another version's.
    Other { digest: String },
    /// Somebody changed the files.
    Changed,
}

/// The digest of this binary's SDK for a language.
pub fn digest(language: Language) -> String {
    digest_of(language.sdk().iter().map(|(path, text)| (*path, text.as_bytes())))
}

/// Which SDK a project has.
pub fn of_project(project: &Project) -> anyhow::Result<ProjectSdk> {
    let folder = project.folder.join(FOLDER);
    let Ok(written) = std::fs::read_to_string(folder.join(DIGEST)) else {
        return Ok(ProjectSdk::Elsewhere);
    };
    let mut files = BTreeMap::new();
    read(&folder, "", &mut files)
        .with_context(|| format!("{} cannot be read", folder.display()))?;
    let found = digest_of(files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())));
    Ok(match written.trim() {
        written if written != found => ProjectSdk::Changed,
        written if written == digest(project.language) => ProjectSdk::Current,
        written => ProjectSdk::Other { digest: written.to_owned() },
    })
}

/// Writes the SDK for a language into a project, in the place of one that is there.
pub fn write(project: &Path, language: Language) -> anyhow::Result<()> {
    let (folder, partial) = (project.join(FOLDER), project.join(format!(".{FOLDER}.partial")));
    let written = write_files(&partial, language).and_then(|()| replace(&folder, &partial));
    if written.is_err() {
        // It may not be there.
        drop(std::fs::remove_dir_all(&partial));
    }
    written.with_context(|| format!("the SDK cannot be written into {}", folder.display()))
}

fn write_files(folder: &Path, language: Language) -> std::io::Result<()> {
    // What a command that was killed has left.
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    let digest = format!("{}\n", digest(language));
    for (path, text) in language.sdk().iter().chain([&(DIGEST, digest.as_str())]) {
        let file = folder.join(path);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(file, text)?;
    }
    Ok(())
}

/// Puts the new folder in the old one's place. The old one is moved aside first, so that a command that is killed leaves
/// both.
fn replace(folder: &Path, new: &Path) -> std::io::Result<()> {
    let old = folder.with_extension("old");
    if old.exists() {
        std::fs::remove_dir_all(&old)?;
    }
    if folder.exists() {
        std::fs::rename(folder, &old)?;
    }
    std::fs::rename(new, folder)?;
    if old.exists() { std::fs::remove_dir_all(&old) } else { Ok(()) }
}

fn read(folder: &Path, path: &str, files: &mut BTreeMap<String, Vec<u8>>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if OF_TOOLS.contains(&name.as_str()) || name == DIGEST {
            continue;
        }
        let path = if path.is_empty() { name } else { format!("{path}/{name}") };
        match entry.file_type()?.is_dir() {
            true => read(&entry.path(), &path, files)?,
            false => drop(files.insert(path, std::fs::read(entry.path())?)),
        }
    }
    Ok(())
}

/// A digest of files by their paths, in the order of the paths.
fn digest_of<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut all = Sha256::new();
    for (path, bytes) in files {
        all.update((path.len() as u64).to_le_bytes());
        all.update(path);
        all.update((bytes.len() as u64).to_le_bytes());
        all.update(bytes);
    }
    all.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn the_sdk_of_a_project_is_known_and_a_changed_one_too() {
        for language in Language::value_variants().iter().copied() {
            let folder = tempfile::tempdir().expect("a folder");
            let project = Project { folder: folder.path().to_owned(), language };
            let known = || of_project(&project).expect("it can be read");
            assert_eq!(known(), ProjectSdk::Elsewhere);
            write(&project.folder, language).expect("written");
            assert_eq!(known(), ProjectSdk::Current);
            let file = project.folder.join(FOLDER).join("LICENSE");
            std::fs::write(&file, "mine").expect("written");
            assert_eq!(known(), ProjectSdk::Changed);
            write(&project.folder, language).expect("written again");
            assert_eq!(known(), ProjectSdk::Current);
        }
    }

    #[test]
    fn the_sdk_has_its_crates_and_no_manifest_leans_on_a_workspace() {
        let sdk = Language::Rust.sdk();
        let manifests = sdk.iter().filter(|(path, _)| path.ends_with("Cargo.toml"));
        let manifests: Vec<_> = manifests.collect();
        assert!(manifests.iter().any(|(path, _)| *path == "plugin-sdk/Cargo.toml"));
        assert!(manifests.iter().any(|(path, _)| *path == "plugin-sdk/macros/Cargo.toml"));
        for (path, text) in manifests {
            assert!(!text.contains("workspace"), "{path}: {text}");
        }
    }

    #[test]
    fn the_sdk_s_own_tests_stay_at_home() {
        let has = |language: Language, path: &str| {
            language.sdk().iter().any(|(known, _)| known.starts_with(path))
        };
        assert!(!has(Language::Rust, "plugin-sdk/tests/"));
        assert!(has(Language::Python, "moothall/plugin.py") && !has(Language::Python, "tests/"));
        assert!(has(Language::Js, "src/index.js") && !has(Language::Js, "test/"));
    }
}
