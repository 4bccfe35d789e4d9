//! The SDK's packages for other languages, as a project has them in a folder: what an author needs to build and to test.

use std::io;
use std::path::Path;

use crate::embedded::Embedded;

/// Files and folders that no plugin needs: the packages' own tests, and what tools generate.
const LEFT_OUT: &[&str] = &["build", "dist", "package-lock.json", "test", "tests"];

/// Takes a package: its files, and the licence.
pub fn take(root: &Path, folder: &str, embedded: &mut Embedded) -> io::Result<()> {
    let package = root.join(folder);
    println!("cargo::rerun-if-changed={}", package.display());
    for entry in std::fs::read_dir(&package)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if Embedded::is_left_by_tools(&name) || LEFT_OUT.contains(&name.as_str()) {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => embedded.take_folder(&entry.path(), &name)?,
            false => embedded.take(&entry.path(), &name)?,
        }
    }
    embedded.take(&root.join("LICENSE"), "LICENSE")
}
