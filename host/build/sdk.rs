//! Finds the crates that the SDK consists of, and takes their sources: the SDK's own, and every other of this workspace that
//! it depends on.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use toml::Table;

use crate::embedded::Embedded;
use crate::manifest;

/// Folders of a crate that a plugin does not need.
const LEFT_OUT: &[&str] = &["benches", "examples", "js", "python", "target", "tests"];
/// The contract, and how sources outside of its folder name it.
const WIT: (&str, &str) = ("wit", "../wit");
const LICENSE: &str = "LICENSE";

/// Takes the crate of that name with all that it needs of the workspace.
pub fn take(root: &Path, name: &str, embedded: &mut Embedded) -> Result<(), Box<dyn Error>> {
    let workspace = read(&root.join("Cargo.toml"))?;
    let sdk = manifest::folder_of(&workspace, name)
        .ok_or_else(|| format!("the workspace's Cargo.toml has no path of {name}"))?;
    let mut manifests = BTreeMap::new();
    let mut waiting = vec![sdk];
    while let Some(folder) = waiting.pop() {
        if manifests.contains_key(&folder) {
            continue;
        }
        let alone = read(&root.join(&folder).join("Cargo.toml"))?;
        let alone = manifest::standalone(alone, &workspace, &folder)?;
        waiting.extend(manifest::folders_used(&alone, &folder));
        manifests.insert(folder, alone);
    }
    for (folder, manifest) in &manifests {
        take_sources(&root.join(folder), folder, embedded)?;
        embedded.put(format!("{folder}/Cargo.toml"), toml::to_string(manifest)?);
    }
    if embedded.mentions(WIT.1)? {
        embedded.take_folder(&root.join(WIT.0), WIT.0)?;
    }
    embedded.take(&root.join(LICENSE), LICENSE)?;
    Ok(())
}

fn read(file: &Path) -> Result<Table, Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", file.display());
    let text = std::fs::read_to_string(file)?;
    Ok(text.parse::<Table>().map_err(|error| format!("{}: {error}", file.display()))?)
}

/// Everything of a crate but its tests, and the crates in its folder.
fn take_sources(folder: &Path, path: &str, embedded: &mut Embedded) -> Result<(), Box<dyn Error>> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let (inner, path) = (entry.path(), format!("{path}/{name}"));
        if !entry.file_type()?.is_dir() {
            embedded.take(&inner, &path)?;
        } else if !LEFT_OUT.contains(&name.as_str()) && !inner.join("Cargo.toml").is_file() {
            embedded.take_folder(&inner, &path)?;
        }
    }
    Ok(())
}
