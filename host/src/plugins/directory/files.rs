//! Which files the plugin directory has, and what each looks like from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::SystemTime;

/// What a file looks like from outside: a change of any of it is a change of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    pub bytes: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

/// The plugin files by name, at most `limit`.
pub fn list(directory: &Path, limit: usize) -> std::io::Result<BTreeMap<String, Look>> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(directory)? {
        if let Ok(name) = entry?.file_name().into_string()
            && name.ends_with(".wasm")
        {
            names.insert(name);
        }
    }
    if names.len() > limit {
        tracing::warn!(
            files = names.len(),
            limit,
            "more plugin files than are looked at; the last by name are left out"
        );
    }
    let looks = names
        .into_iter()
        .take(limit)
        .filter_map(|name| Some((name.clone(), look(&directory.join(&name))?)));
    Ok(looks.collect())
}

/// None where the file is gone again, or is no file.
fn look(file: &Path) -> Option<Look> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file)?;
    Some(Look { bytes: metadata.len(), modified: metadata.modified().ok(), inode: metadata.ino() })
}
