//! A crate's manifest without its workspace: what it inherits is written out, and what only its own tests need is left out.

use std::error::Error;

use toml::{Table, Value};

/// Tables of dependencies that a crate is built with.
const DEPENDENCIES: &[&str] = &["dependencies", "build-dependencies"];
/// Keys of a manifest that building the crate does not need.
const LEFT_OUT: &[&str] = &["bench", "dev-dependencies", "example", "lints", "test", "workspace"];
const LEFT_OUT_OF_PACKAGE: &[&str] = &["exclude", "include", "publish", "readme", "workspace"];

/// The folder of a crate of the workspace, from its root.
pub fn folder_of(workspace: &Table, name: &str) -> Option<String> {
    let of_workspace = workspace.get("workspace")?.get("dependencies")?.get(name)?;
    Some(of_workspace.get("path")?.as_str()?.to_owned())
}

/// The manifest of the crate in that folder, as it is without the workspace.
pub fn standalone(
    mut manifest: Table,
    workspace: &Table,
    folder: &str,
) -> Result<Table, Box<dyn Error>> {
    LEFT_OUT.iter().for_each(|key| drop(manifest.remove(*key)));
    let shared = workspace.get("workspace").and_then(Value::as_table).ok_or("no workspace")?;
    if let Some(package) = manifest.get_mut("package").and_then(Value::as_table_mut) {
        LEFT_OUT_OF_PACKAGE.iter().for_each(|key| drop(package.remove(*key)));
        inherit_package(package, shared)?;
    }
    for tables in dependency_tables(&mut manifest) {
        for (name, dependency) in tables.iter_mut() {
            inherit_dependency(name, dependency, shared, folder)?;
        }
    }
    Ok(manifest)
}

/// The folders of the crates that it depends on by path, from the workspace's root.
pub fn folders_used(manifest: &Table, folder: &str) -> Vec<String> {
    let mut manifest = manifest.clone();
    let tables = dependency_tables(&mut manifest).into_iter();
    let all = tables.flat_map(|table| table.values().cloned().collect::<Vec<_>>());
    all.filter_map(|one| Some(resolved(folder, one.get("path")?.as_str()?))).collect()
}

fn dependency_tables(manifest: &mut Table) -> Vec<&mut Table> {
    let mut found = Vec::new();
    for (key, value) in manifest.iter_mut() {
        let Some(table) = value.as_table_mut() else { continue };
        match key.as_str() {
            "target" => {
                let targets = table.iter_mut().filter_map(|(_, target)| target.as_table_mut());
                for target in targets {
                    LEFT_OUT.iter().for_each(|key| drop(target.remove(*key)));
                    found.extend(target.iter_mut().filter_map(|(_, inner)| inner.as_table_mut()));
                }
            }
            key if DEPENDENCIES.contains(&key) => found.push(table),
            _ => {}
        }
    }
    found
}

fn is_inherited(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

fn inherit_package(package: &mut Table, shared: &Table) -> Result<(), String> {
    for (key, value) in package.iter_mut().filter(|(_, value)| is_inherited(value)) {
        let inherited = shared.get("package").and_then(|package| package.get(key));
        *value = inherited.ok_or_else(|| format!("the workspace has no package.{key}"))?.clone();
    }
    Ok(())
}

/// Writes out what a dependency inherits: features are added, a path is turned to the crate's folder.
fn inherit_dependency(
    name: &str,
    dependency: &mut Value,
    shared: &Table,
    folder: &str,
) -> Result<(), String> {
    if !is_inherited(dependency) {
        return Ok(());
    }
    let inherited = shared.get("dependencies").and_then(|all| all.get(name));
    let inherited = inherited.ok_or_else(|| format!("the workspace has no dependency {name}"))?;
    let mut whole = match inherited {
        Value::Table(table) => table.clone(),
        version => Table::from_iter([("version".to_owned(), version.clone())]),
    };
    if let Some(path) = whole.get("path").and_then(Value::as_str) {
        let path = from_folder(folder, path);
        whole.insert("path".to_owned(), Value::String(path));
    }
    for (key, own) in dependency.as_table().into_iter().flatten() {
        match (key.as_str(), whole.get_mut(key)) {
            ("workspace", _) => {}
            ("features", Some(Value::Array(features))) => {
                features.extend(own.as_array().cloned().unwrap_or_default());
            }
            _ => drop(whole.insert(key.clone(), own.clone())),
        }
    }
    *dependency = Value::Table(whole);
    Ok(())
}

/// A path from the root, as seen from a folder.
fn from_folder(folder: &str, path: &str) -> String {
    format!("{}{path}", "../".repeat(folder.split('/').count()))
}

/// A path from a folder, as seen from the root.
fn resolved(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
