//! The files that packages need and that are outside of them: a package has only what is below its manifest. Those for
//! other languages have the contract's interfaces in one file. Must never change the contract on the way.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::Written;

/// The contract in the SDK's package.
pub const CONTRACT: &str = "plugin-sdk/wit";
/// The published packages.
const PACKAGES: &[&str] = &["host/values", "plugin-sdk", "plugin-sdk/macros"];
/// The schema of manifests, which `moothall-values` compiles in.
const SCHEMA: (&str, &str) = ("wit/manifest.schema.json", "host/values/manifest.schema.json");
const LICENSE: &str = "LICENSE";
/// The contract in the packages for other languages.
const WHOLE: &[&str] =
    &["plugin-sdk/js/wit/moothall.wit", "plugin-sdk/python/moothall/wit/moothall.wit"];
/// The first line of every interface's file.
const PACKAGE: &str = "package moothall:plugin@0.1.0;\n";

/// Every copy, as it has to be.
pub fn copies(root: &Path) -> Result<Vec<Written>> {
    let mut pairs = vec![(SCHEMA.0.to_owned(), SCHEMA.1.to_owned())];
    pairs.extend(PACKAGES.iter().map(|to| (LICENSE.to_owned(), format!("{to}/{LICENSE}"))));
    pairs.extend(
        contract(root)?
            .into_iter()
            .map(|name| (format!("wit/{name}"), format!("{CONTRACT}/{name}"))),
    );
    let copies =
        pairs.into_iter().map(|(from, path)| Ok(Written { path, text: read(root, &from)? }));
    let mut copies = copies.collect::<Result<Vec<_>>>()?;
    let whole = whole(root)?;
    copies
        .extend(WHOLE.iter().map(|path| Written { path: (*path).to_owned(), text: whole.clone() }));
    Ok(copies)
}

/// All interfaces, by the names of their files.
fn whole(root: &Path) -> Result<String> {
    let names = contract(root)?.into_iter().filter(|name| name.ends_with(".wit"));
    let mut whole = PACKAGE.to_owned();
    for name in names {
        let text = read(root, &format!("wit/{name}"))?;
        let interface = text.strip_prefix(PACKAGE);
        whole.push_str(interface.with_context(|| format!("wit/{name} begins differently"))?);
    }
    Ok(whole)
}

/// The names of the contract's files: the interfaces, the worlds, and the schema of manifests.
fn contract(root: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(root.join("wit")).context("cannot read wit/")?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.context("cannot read wit/")?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".wit") || name.ends_with(".json") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn read(root: &Path, from: &str) -> Result<String> {
    fs::read_to_string(root.join(from)).with_context(|| format!("cannot read {from}"))
}
