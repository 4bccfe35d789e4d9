//! The source of a kept test, formatted as rustfmt formats it: its lines are short whatever the project's names are.

use moothall_values::recording::RecordedCall;

/// What the crate's root has to say to have the tests.
const DECLARED: &str = "#[cfg(test)]\nmod replays;\n";
/// The longest name of a test: the lines that have it are not broken.
pub const NAME_BYTES: usize = 36;

/// A test that repeats one call.
pub struct KeptTest<'a> {
    pub name: &'a str,
    /// The plugin's type.
    pub plugin: &'a str,
    /// Of the SDK's `Replay`.
    pub method: &'a str,
    pub call: &'a RecordedCall,
    /// Whether there is a file with what the call returns.
    pub has_expected: bool,
}

/// How the SDK repeats a function.
pub fn method(function: &str) -> Option<&'static str> {
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

pub fn recording_file(name: &str) -> String {
    format!("{name}.json")
}

pub fn expected_file(name: &str) -> String {
    format!("{name}.returned.json")
}

/// The beginning of the module.
pub fn head(plugin: &str) -> String {
    format!(
        "//! Calls that were recorded on a host, and are repeated here. `moothall plugin replay CALL --as-test` adds one.\n\n\
         use moothall_sdk::serde_json::Value;\nuse moothall_sdk::testing::Replay;\n\nuse crate::{plugin};\n"
    )
}

/// The type of the first `impl` after the attribute.
pub fn plugin_type(source: &str) -> Option<&str> {
    let (_, after) = source.split_once("#[plugin(")?;
    let (_, named) = after.split_once("\nimpl ")?;
    let name = named.split(|one: char| !one.is_alphanumeric() && one != '_').next()?;
    Some(name).filter(|name| !name.is_empty())
}

/// The crate's root with the module; none if it has that already.
pub fn declared(root: &str) -> Option<String> {
    let has_module = root.lines().any(|line| line.trim() == "mod replays;");
    (!has_module).then(|| format!("{}\n\n{DECLARED}", root.trim_end()))
}

impl KeptTest<'_> {
    /// The module's source with this test, in the place of one of that name.
    pub fn added_to(&self, mut module: String) -> String {
        if let Some(at) = module.find(&format!("\nfn {}() {{\n", self.name)) {
            let from = module[..at].rfind("\n\n").map_or(0, |at| at + 1);
            let to = module[at..].find("\n}\n").map_or(module.len(), |end| at + end + 3);
            module.replace_range(from..to, "");
        }
        module + &self.source()
    }

    fn source(&self) -> String {
        let Self { name, plugin, method, call, .. } = self;
        let recorded = format!(
            "/// `{}` of version {}, as it was called at {}.\n#[test]\nfn {name}() {{\n    \
             let recording = include_str!(\"replays/{}\");\n",
            commented(&call.name),
            commented(&call.version),
            commented(&call.started_at),
            recording_file(name)
        );
        let repeated = format!("    let mut call = Replay::of({plugin}, recording);\n");
        let rest = match self.has_expected {
            true => format!(
                "    let returned = include_str!(\"replays/{}\");\n    \
                 let expected: Value = returned.parse().expect(\"it is JSON\");\n{repeated}    \
                 assert_eq!(call.{method}(), Ok(expected));\n",
                expected_file(name)
            ),
            false => format!(
                "{repeated}    let returned: moothall_sdk::Result<Value> = call.{method}();\n    \
                 assert!(returned.is_ok(), \"{{returned:?}}\");\n"
            ),
        };
        format!("\n{recorded}{rest}}}\n")
    }
}

/// A text of the recording as a comment can hold it: nothing in it ends the line, or hides what is beside it.
fn commented(text: &str) -> String {
    let is_shown = |one: char| one.is_alphanumeric() || one.is_ascii_graphic() || one == ' ';
    text.chars().map(|one| if is_shown(one) { one } else { '?' }).collect()
}
