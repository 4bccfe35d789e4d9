//! Keeps a recorded call as a native test of the project: the recording, what the call returned, and a test that repeats it
//! on the SDK's in-memory host.
//!
//! The test expects what the call returned when it was repeated just now; or, if it failed, that it succeeds. What comes from
//! the recording is in files of JSON: a recording may be from anywhere, and none of it becomes source text.

mod source;

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::cli::plugin::project::Project;
use moothall_engine::calls::Repeated;
use moothall_values::recording::{Recording, Returned};

use source::KeptTest;

/// Where the tests are, in a project's folder: in the crate, because a plugin is no library that a test could link.
const MODULE: &str = "src/replays.rs";
const FOLDER: &str = "src/replays";

/// Writes the test; says what was written.
pub fn write(
    project: &Project,
    recording: &Recording,
    text: &str,
    repeated: &Repeated,
) -> anyhow::Result<String> {
    let method = method_of(recording, repeated)?;
    let name = test_name(&recording.call.id)?;
    let root = project.folder.join("src/lib.rs");
    let source = std::fs::read_to_string(&root)
        .with_context(|| format!("{} cannot be read", root.display()))?;
    let plugin = source::plugin_type(&source).context(
        "src/lib.rs has no `#[plugin(…)]` before an `impl`, so that the test cannot name the plugin's type",
    )?;
    let expected = expected(repeated);
    put_texts(&project.folder.join(FOLDER), &name, text, expected.as_ref())?;
    let has_expected = expected.is_some();
    let test = KeptTest { name: &name, plugin, method, call: &recording.call, has_expected };
    add(&test, &project.folder.join(MODULE))?;
    if let Some(declared) = source::declared(&source) {
        put(&root, &declared)?;
    }
    let expects = match has_expected {
        true => "expects what it returns now",
        false => "expects that the call succeeds, which it does not yet",
    };
    Ok(format!("the test `{name}` in {MODULE} {expects}; `moothall plugin test` runs it"))
}

/// How the SDK repeats the call; why it cannot be kept, if it cannot.
fn method_of(recording: &Recording, repeated: &Repeated) -> anyhow::Result<&'static str> {
    let function = recording.input.as_ref().map(|input| input.function.as_str());
    let function = function.context("the recording has no input")?;
    let Some(method) = source::method(function) else {
        bail!(
            "a call of `{function}` cannot be kept as a native test; save the recording, and replay that"
        );
    };
    if let Some(import) = repeated.imports.iter().find(|one| !is_native(&one.import)) {
        bail!(
            "the call uses `{}`, whose recorded answers the SDK's in-memory host does not give; save the recording, and \
             replay that",
            import.import
        );
    }
    if let Some(missing) = repeated.missing.first() {
        bail!(
            "the call asks for what the recording does not have ({missing}), so that no test would say how it goes; record a \
             call of this version, and keep that one"
        );
    }
    Ok(method)
}

/// Whether the SDK's in-memory host gives the import's recorded answers.
fn is_native(import: &str) -> bool {
    let interface = import.split('.').next().unwrap_or_default();
    matches!(interface, "state" | "process" | "events" | "http" | "secrets" | "metrics")
}

/// The name of the test and of its files: the call's id, as a name in Rust.
fn test_name(id: &str) -> anyhow::Result<String> {
    let name = id.to_ascii_lowercase();
    let is_of_name = |one: u8| one.is_ascii_lowercase() || one.is_ascii_digit() || one == b'_';
    let is_name = name.starts_with("call_") && name.len() <= source::NAME_BYTES;
    if !is_name || !name.bytes().all(is_of_name) {
        bail!("the recording's `id` is `{id}`, which is no id that a host gives to a call");
    }
    Ok(name)
}

/// What the test expects: the output, as the JSON that its text is. None of a call that fails.
fn expected(repeated: &Repeated) -> Option<Value> {
    match (&repeated.failure, &repeated.returned) {
        (None, Returned::Output(output)) => {
            let parsed = output.as_str().and_then(|text| serde_json::from_str(text).ok());
            Some(parsed.unwrap_or_else(|| output.clone()))
        }
        _ => None,
    }
}

/// The recording, and what the call returned.
fn put_texts(
    folder: &Path,
    name: &str,
    recording: &str,
    expected: Option<&Value>,
) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{} cannot be made", folder.display()))?;
    let recording: Value = serde_json::from_str(recording).context("the recording is no JSON")?;
    put(&folder.join(source::recording_file(name)), &pretty(&recording))?;
    let file = folder.join(source::expected_file(name));
    match expected {
        Some(expected) => put(&file, &pretty(expected)),
        // The call may have been kept when it returned something.
        None => match std::fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("{} cannot be removed", file.display()))
            }
            _ => Ok(()),
        },
    }
}

/// Adds the test to the module, or puts it in the place of the one with its name.
fn add(test: &KeptTest<'_>, module: &Path) -> anyhow::Result<()> {
    let before = match std::fs::read_to_string(module) {
        Ok(source) => source,
        Err(error) if error.kind() == ErrorKind::NotFound => source::head(test.plugin),
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be read", module.display()));
        }
    };
    put(module, &test.added_to(before))
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

fn put(file: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))
}

#[cfg(test)]
mod tests;
