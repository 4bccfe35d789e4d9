//! The part of this workspace's `Cargo.lock` that the SDK needs: a new project is built with the versions that the SDK is
//! tested with.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;

use toml::{Table, Value};

/// A constant with the text of the lock file.
pub fn constant(file: &Path, sdk: &str) -> Result<String, Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", file.display());
    let lock: Table = std::fs::read_to_string(file)?.parse()?;
    let all = lock.get("package").and_then(Value::as_array).ok_or("Cargo.lock has no packages")?;
    let kept = needed(all, sdk);
    let packages: Vec<Value> = kept.into_iter().map(|at| all[at].clone()).collect();
    let mut part = Table::new();
    part.extend(lock.get("version").map(|version| ("version".to_owned(), version.clone())));
    part.insert("package".to_owned(), Value::Array(packages));
    let text = toml::to_string(&part)?;
    let about = "The versions of all that the SDK depends on, as a `Cargo.lock`.";
    Ok(format!("/// {about}\npub const LOCK: &str = {text:?};\n"))
}

/// The places of the SDK and of all that it depends on.
fn needed(all: &[Value], sdk: &str) -> BTreeSet<usize> {
    let (mut kept, mut waiting) = (BTreeSet::new(), vec![sdk.to_owned()]);
    while let Some(dependency) = waiting.pop() {
        let found = all.iter().enumerate().filter(|(_, package)| is_named(package, &dependency));
        for (at, package) in found.collect::<Vec<_>>() {
            if kept.insert(at) {
                let more = package.get("dependencies").and_then(Value::as_array);
                let more = more.into_iter().flatten().filter_map(Value::as_str);
                waiting.extend(more.map(str::to_owned));
            }
        }
    }
    kept
}

/// Whether a package is meant by `name`, `name version` or `name version (source)`.
fn is_named(package: &Value, dependency: &str) -> bool {
    let field = |key: &str| package.get(key).and_then(Value::as_str);
    let mut words = dependency.split(' ');
    words.next() == field("name")
        && words.next().is_none_or(|version| Some(version) == field("version"))
}
