//! Keeps a recorded call as a native test of the project: the recording, and a test that repeats it on the SDK's in-memory
//! host.
//!
//! The test expects what the call returned when it was repeated just now; or, if it failed, that it succeeds.

use std::path::Path;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::cli::plugin::project::Project;
use moothall_engine::calls::Repeated;
use moothall_values::recording::{Recording, Returned};

/// Where the tests are, in a project's folder: in the crate, because a plugin is no library that a test could link.
const MODULE: &str = "src/replays.rs";
const FOLDER: &str = "src/replays";
/// What the crate's root has to say to have them.
const DECLARED: &str = "#[cfg(test)]\nmod replays;\n";

/// An expected result up to this many bytes is written with `json!`, which cannot take very long ones.
const INLINE: usize = 500;

/// How the SDK repeats a function.
fn method(function: &str) -> Option<&'static str> {
    Some(match function {
        "actions.perform" => "action",
        "webhooks.receive" => "webhook",
        "producer.tick" => "tick",
        "schedules.tick" => "schedule",
        "workers.handle" => "worker",
        "lifecycle.initialize" => "enable",
        "processes.start" => "start_process",
        "processes.update" | "processes.close" | "processes.receive-webhook" => "process",
        _ => return None,
    })
}

/// Writes the test; says what was written.
pub fn write(
    project: &Project,
    recording: &Recording,
    text: &str,
    repeated: &Repeated,
) -> anyhow::Result<String> {
    let function = recording.input.as_ref().map(|input| input.function.as_str());
    let function = function.context("the recording has no input")?;
    let Some(method) = method(function) else {
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
    let root = project.folder.join("src/lib.rs");
    let source = std::fs::read_to_string(&root)
        .with_context(|| format!("{} cannot be read", root.display()))?;
    let plugin = plugin_type(&source).context(
        "src/lib.rs has no `#[plugin(…)]` before an `impl`, so that the test cannot name the plugin's type",
    )?;
    let id = recording.call.id.to_lowercase();
    let name: String =
        id.chars().map(|one| if one.is_alphanumeric() { one } else { '_' }).collect();
    let folder = project.folder.join(FOLDER);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("{} cannot be made", folder.display()))?;
    put(&folder.join(format!("{name}.json")), &pretty(text))?;
    let test = test(&name, plugin, method, recording, repeated);
    add_test(&project.folder.join(MODULE), &name, &test, plugin)?;
    declare(&root, &source)?;
    let expects = expects(repeated);
    Ok(format!("the test `{name}` in {MODULE} {expects}; `moothall plugin test` runs it"))
}

/// Whether the SDK's in-memory host gives the import's recorded answers.
fn is_native(import: &str) -> bool {
    let interface = import.split('.').next().unwrap_or_default();
    matches!(interface, "state" | "process" | "events" | "http" | "secrets" | "metrics")
}

fn expects(repeated: &Repeated) -> &'static str {
    match repeated.failure.is_none() {
        true => "expects what it returns now",
        false => "expects that the call succeeds, which it does not yet",
    }
}

/// The type of the first `impl` after the attribute.
fn plugin_type(source: &str) -> Option<&str> {
    let (_, after) = source.split_once("#[plugin(")?;
    let (_, named) = after.split_once("\nimpl ")?;
    let name = named.split(|one: char| !one.is_alphanumeric() && one != '_').next()?;
    Some(name).filter(|name| !name.is_empty())
}

fn test(
    name: &str,
    plugin: &str,
    method: &str,
    recording: &Recording,
    repeated: &Repeated,
) -> String {
    let call = &recording.call;
    let replay = format!("Replay::of({plugin}, include_str!(\"replays/{name}.json\"))");
    let about = format!(
        "/// `{}` of version {}, as it was called at {}.\n#[test]\nfn {name}() {{\n",
        call.name, call.version, call.started_at
    );
    let body = match (&repeated.failure, &repeated.returned) {
        (None, Returned::Output(output)) => format!(
            "    let expected: Value = {};\n    let mut call = {replay};\n    assert_eq!(call.{method}(), Ok(expected));\n",
            literal(output)
        ),
        _ => format!(
            "    let mut call = {replay};\n    let returned: moothall_sdk::Result<Value> = call.{method}();\n    \
             assert!(returned.is_ok(), \"{{returned:?}}\");\n"
        ),
    };
    format!("\n{about}{body}}}\n")
}

/// The expectation as Rust: JSON texts as the JSON that they are.
fn literal(output: &Value) -> String {
    let parsed = output.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let value = parsed.as_ref().unwrap_or(output).to_string();
    if value.len() <= INLINE {
        return format!("moothall_sdk::serde_json::json!({value})");
    }
    // No text in it can end it: it would have to have as many signs as the longest run in it.
    let signs = "#".repeat(1 + value.split(|one| one != '#').map(str::len).max().unwrap_or(0));
    format!("moothall_sdk::serde_json::from_str(r{signs}\"{value}\"{signs}).expect(\"it is JSON\")")
}

/// Adds the test to the module, or replaces one of that name.
fn add_test(module: &Path, name: &str, test: &str, plugin: &str) -> anyhow::Result<()> {
    let head = format!(
        "//! Calls that were recorded on a host, and are repeated here. `moothall plugin replay CALL --as-test` adds one.\n\n\
         use moothall_sdk::serde_json::Value;\nuse moothall_sdk::testing::Replay;\n\nuse crate::{plugin};\n"
    );
    let mut source = match std::fs::read_to_string(module) {
        Ok(source) => source,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => head,
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be read", module.display()));
        }
    };
    let own = format!("fn {name}() {{");
    if let Some(at) = source.find(&own) {
        let from = source[..at].rfind("\n\n").map_or(0, |at| at + 1);
        let to = source[at..].find("\n}\n").map_or(source.len(), |end| at + end + 3);
        source.replace_range(from..to, "");
    }
    source.push_str(test);
    put(module, &source)
}

fn declare(root: &Path, source: &str) -> anyhow::Result<()> {
    if source.lines().any(|line| line.trim() == "mod replays;") {
        return Ok(());
    }
    put(root, &format!("{}\n\n{DECLARED}", source.trim_end()))
}

fn pretty(text: &str) -> String {
    let value =
        serde_json::from_str::<Value>(text).and_then(|one| serde_json::to_string_pretty(&one));
    format!("{}\n", value.unwrap_or_else(|_| text.to_owned()))
}

fn put(file: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugins_type_is_the_one_behind_the_attribute() {
        let source =
            "struct Other;\nimpl Other {}\n#[plugin(\n    name = \"x\",\n)]\nimpl MyPlugin {\n}\n";
        assert_eq!(plugin_type(source), Some("MyPlugin"));
        assert_eq!(plugin_type("impl Other {}"), None);
    }

    #[test]
    fn a_test_of_the_same_call_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let module = folder.path().join("replays.rs");
        let test = |name: &str, body: &str| {
            format!("\n/// About.\n#[test]\nfn {name}() {{\n    {body}\n}}\n")
        };
        for (name, body) in [("one", "first();"), ("two", "second();"), ("one", "third();")] {
            add_test(&module, name, &test(name, body), "MyPlugin").unwrap();
        }
        let source = std::fs::read_to_string(&module).unwrap();
        assert!(!source.contains("first();"), "{source}");
        assert_eq!(
            (source.matches("#[test]").count(), source.matches("About").count()),
            (2, 2),
            "{source}"
        );
        assert!(source.contains("use crate::MyPlugin;"), "{source}");
    }
}
