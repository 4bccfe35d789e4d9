//! The files of the published packages that follow from others: the SDK's bindings of the contract, and copies. They
//! are committed, so that nobody who builds a plugin has to build a generator first.

mod copied;
mod generated;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Folders in which there is nothing else.
const FOLDERS: &[&str] = &[generated::FOLDER, copied::CONTRACT];

/// A file as it has to be.
pub struct Written {
    /// From the repository's root, with `/`.
    pub path: String,
    pub text: String,
}

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every such file.
pub fn all(root: &Path) -> Result<Vec<Written>> {
    let mut all = generated::bindings(root)?;
    all.extend(copied::copies(root)?);
    Ok(all)
}

/// The files that are not as they have to be, and those that are there and should not.
pub fn stale(root: &Path) -> Result<Vec<String>> {
    let all = all(root)?;
    let is_stale = |file: &&Written| {
        fs::read_to_string(root.join(&file.path)).ok().as_deref() != Some(file.text.as_str())
    };
    let mut stale: Vec<String> =
        all.iter().filter(is_stale).map(|file| file.path.clone()).collect();
    stale.extend(strangers(root, &all)?);
    Ok(stale)
}

/// Writes the files that are not as they have to be, and removes what should not be there. Returns their paths.
pub fn write(root: &Path) -> Result<Vec<String>> {
    let stale = stale(root)?;
    for file in all(root)?.iter().filter(|file| stale.contains(&file.path)) {
        let path = root.join(&file.path);
        fs::create_dir_all(path.parent().unwrap_or(root))
            .and_then(|()| fs::write(&path, &file.text))
            .with_context(|| format!("cannot write {}", file.path))?;
    }
    for stranger in strangers(root, &all(root)?)? {
        fs::remove_file(root.join(&stranger))
            .with_context(|| format!("cannot remove {stranger}"))?;
    }
    Ok(stale)
}

/// Files in [`FOLDERS`] that nothing of the contract makes.
fn strangers(root: &Path, all: &[Written]) -> Result<Vec<String>> {
    let known: BTreeSet<&str> = all.iter().map(|file| file.path.as_str()).collect();
    let mut strangers = Vec::new();
    for folder in FOLDERS {
        // Before the first run there is none.
        let Ok(entries) = fs::read_dir(root.join(folder)) else { continue };
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot read {folder}"))?;
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if !known.contains(path.as_str()) {
                strangers.push(path);
            }
        }
    }
    Ok(strangers)
}

#[cfg(test)]
mod tests {
    use super::{root, stale};

    #[test]
    fn the_committed_files_are_what_the_contract_makes() {
        let stale = stale(&root()).expect("the contract is valid");
        assert!(stale.is_empty(), "`cargo xtask bindings` writes these anew: {stale:#?}");
    }
}
