//! `moothall plugin inspect`: what a plugin file is.

use clap::Args;
use serde_json::{Map, Value, json};

use crate::app::Examined;
use crate::cli::answer::answer;
use crate::cli::plugin::file::FileArgs;
use crate::cli::plugin::{refusals, schema_lines, size};
use moothall_engine::plugins::LoadError;

/// Fields of a manifest that have a place of their own.
const PLACED: &[&str] = &[
    "name",
    "version",
    "title",
    "homepage",
    "description",
    "config_schema",
    "settings_schema",
    "actions",
    "events",
    "processes",
];

#[derive(Debug, Args)]
pub struct InspectArgs {
    #[command(flatten)]
    file: FileArgs,
    /// Print one JSON object, with the manifest as the plugin gives it.
    #[arg(long)]
    json: bool,
}

pub fn inspect(args: &InspectArgs) -> anyhow::Result<()> {
    let examined = args.file.examine()?;
    let Some(manifest) = &examined.anatomy.manifest else {
        return Err(refusals::of_examined(&examined));
    };
    // A manifest that is no JSON is shown as the text that it is.
    let manifest = serde_json::from_str(manifest).unwrap_or_else(|_| json!(manifest));
    match args.json {
        true => answer(&document(&examined, manifest).to_string()),
        // No value of the file makes a line of its own.
        false => text(&examined, &manifest)
            .iter()
            .try_for_each(|line| answer(&line.replace('\n', "\\n"))),
    }
}

fn document(examined: &Examined, manifest: Value) -> Value {
    let interfaces = examined.anatomy.interfaces.clone().unwrap_or_default();
    json!({
        "file": examined.path,
        "bytes": examined.bytes,
        "native_bytes": examined.anatomy.native_bytes,
        "digest": examined.digest,
        "imports": interfaces.imports,
        "exports": interfaces.exports,
        "manifest": manifest,
        "errors": examined.outcome.as_ref().err().cloned().unwrap_or_default(),
        "warnings": examined.outcome.as_ref().map_or(&[][..], |loaded| loaded.warnings.as_slice()),
    })
}

fn text(examined: &Examined, manifest: &Value) -> Vec<String> {
    let field = |name: &str| manifest.get(name).and_then(Value::as_str).unwrap_or_default();
    let said = [field("title"), field("description")].into_iter().filter(|text| !text.is_empty());
    let said = said.collect::<Vec<_>>().join(": ");
    let head = format!("{} {}  {said}", field("name"), field("version"));
    let native = examined.anatomy.native_bytes.map_or(0, |bytes| bytes as u64);
    let interfaces = examined.anatomy.interfaces.clone().unwrap_or_default();
    let mut lines = vec![
        head.trim_end().to_owned(),
        format!("file     {}", examined.path.display()),
        format!("size     {}; {} of native code", size::shown(examined.bytes), size::shown(native)),
        format!("sha256   {}", examined.digest),
    ];
    lines.extend(
        Some(field("homepage")).filter(|url| !url.is_empty()).map(|url| format!("homepage {url}")),
    );
    lines
        .extend(manifest.as_str().map(|_| format!("manifest {}", schema_lines::compact(manifest))));
    lines.extend(named("exports", &interfaces.exports));
    lines.extend(named("imports", &interfaces.imports));
    lines.extend(schema("config", manifest.get("config_schema")));
    lines.extend(schema("settings", manifest.get("settings_schema")));
    let actions = [("parameters_schema", "takes"), ("response_schema", "gives")];
    lines.extend(parts(manifest, ("actions", "slug"), &actions));
    lines.extend(parts(manifest, ("events", "event_type"), &[("schema", "data")]));
    let processes = [("parameters_schema", "takes"), ("outcome_schema", "outcome")];
    lines.extend(parts(manifest, ("processes", "name"), &processes));
    lines.extend(others(manifest));
    let refused = examined.outcome.as_ref().err().into_iter().flatten();
    let reason = |error: &LoadError| refusals::reason(error.code, &error.message);
    lines.extend(refused.map(|error| format!("refused  {}", reason(error))));
    lines
}

/// A list with its name before the first line.
fn named(name: &str, values: &[String]) -> Vec<String> {
    let name_of = |at: usize| if at == 0 { name } else { "" };
    values.iter().enumerate().map(|(at, value)| format!("{:9}{value}", name_of(at))).collect()
}

fn schema(name: &str, schema: Option<&Value>) -> Vec<String> {
    let Some(schema) = schema.filter(|schema| !schema.is_null()) else { return Vec::new() };
    let lines = schema_lines::lines(schema);
    std::iter::once(name.to_owned()).chain(lines.iter().map(|line| format!("  {line}"))).collect()
}

/// The entries of a list of the manifest, each with its schemas.
fn parts(manifest: &Value, (list, key): (&str, &str), schemas: &[(&str, &str)]) -> Vec<String> {
    let entries = manifest.get(list).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut lines: Vec<String> = entries.first().map(|_| list.to_owned()).into_iter().collect();
    for entry in entries {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        let mut head = format!("  {}  {}", text(key), text("description")).trim_end().to_owned();
        for flag in ["public", "read_only"] {
            if entry.get(flag) == Some(&Value::Bool(true)) {
                head.push_str(&format!(" [{flag}]"));
            }
        }
        lines.push(head);
        for (field, name) in schemas {
            let of_schema = schema(name, entry.get(*field));
            lines.extend(of_schema.iter().map(|line| format!("    {line}")));
        }
    }
    lines
}

/// What else the manifest says, without what says nothing.
fn others(manifest: &Value) -> Vec<String> {
    let empty = Map::new();
    let fields = manifest.as_object().unwrap_or(&empty).iter();
    let says = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => fields.values().any(|one| *one != json!([])),
        _ => true,
    };
    let told = fields.filter(|(name, value)| !PLACED.contains(&name.as_str()) && says(value));
    told.map(|(name, value)| format!("{name}  {}", schema_lines::compact(value))).collect()
}
