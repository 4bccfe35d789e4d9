//! Refuses to build the tests while no test names an action of a fixture or of an example plugin.
//! It cannot check how the action is tested.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Folders of guests, whose actions tests have to name.
const GUESTS: [&str; 2] = ["fixtures", EXAMPLES];
/// A test runs all commands of their READMEs, so these count.
const EXAMPLES: &str = "../example-plugins";
const TESTS: &str = "e2e";

fn main() -> Result<(), Box<dyn Error>> {
    let mut tested = texts(Path::new(TESTS), "rs")?;
    let mut untested = Vec::new();
    for folder in GUESTS {
        // A plugin in another language is tested as a whole: `e2e/languages.rs`.
        let guests = folders(Path::new(folder))?.into_iter();
        for guest in guests.filter(|guest| guest.join("Cargo.toml").is_file()) {
            if folder == EXAMPLES {
                tested.push_str(&fs::read_to_string(guest.join("README.md")).unwrap_or_default());
            }
            untested
                .extend(actions(&guest)?.into_iter().filter(|action| !is_called(action, &tested)));
        }
    }
    for watched in GUESTS.iter().chain([&TESTS]) {
        println!("cargo::rerun-if-changed={watched}");
    }
    if untested.is_empty() {
        return Ok(());
    }
    Err(format!("no test in tests/{TESTS} calls {}; add one", untested.join(", ")).into())
}

/// The actions of one guest as `plugin.action`, read from its source.
fn actions(guest: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let name = guest.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let source = texts(&guest.join("src"), "rs")?;
    let slugs = ["slug = \"", "\"slug\": \""].iter().flat_map(|mark| source.split(mark).skip(1));
    let found: Vec<_> =
        slugs.filter_map(|rest| Some(format!("{name}.{}", rest.split_once('"')?.0))).collect();
    let has_actions = source.contains("#[action") || source.contains("\"actions\"");
    if found.is_empty() && has_actions {
        return Err(format!("no action is found in the source of the guest '{name}'").into());
    }
    Ok(found)
}

/// Whether the action is named, and not only one whose slug begins with its slug.
fn is_called(action: &str, tested: &str) -> bool {
    let goes_on = |rest: &str| rest.starts_with(|c: char| c == '-' || c.is_ascii_alphanumeric());
    tested.split(action).skip(1).any(|rest| !goes_on(rest))
}

fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    Ok(entries.collect::<io::Result<Vec<_>>>()?.into_iter().filter(|path| path.is_dir()).collect())
}

/// The contents of all files with this extension in a folder, but those of a guest's own tests:
/// what they answer for a platform has slugs too.
fn texts(folder: &Path, extension: &str) -> io::Result<String> {
    let mut all = String::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            all.push_str(&texts(&path, extension)?);
        } else if path.extension().is_some_and(|found| found == extension)
            && path.file_name().is_none_or(|name| name != "tests.rs")
        {
            all.push_str(&fs::read_to_string(&path)?);
        }
    }
    Ok(all)
}
