//! Shows what a temporary host and its plugin log: a line each, for a person.

use std::io::{BufRead, BufReader};
use std::process::ChildStderr;
use std::sync::Arc;
use std::thread::JoinHandle;

use serde_json::Value;

use crate::cli::answer::{hanging, note};
use crate::cli::plugin::tail::{LineKind, Lines};

/// Fields of a line that are the same on all of them, or mean nothing here.
const LEFT_OUT: &[&str] = &["message", "community", "plugin", "instance", "call"];

/// How many letters a line's level takes, with the space after it.
const LEVEL: usize = 6;

/// How the log is shown.
pub enum LogDisplay {
    /// Each line as it comes: there is one call.
    Plainly,
    /// With the time and the call's id, among the other things that happen.
    Among(Arc<Lines>),
}

/// Shows all lines until the host ends, on a thread of its own. Without a thread nothing is shown.
pub fn show(stderr: Option<ChildStderr>, shown: LogDisplay) -> Option<JoinHandle<()>> {
    let stderr = stderr?;
    let show = move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let Some(entry) = Entry::read(&line) else {
                note(&line);
                continue;
            };
            match &shown {
                LogDisplay::Plainly => note(&hanging(&entry.said, LEVEL)),
                LogDisplay::Among(lines) => {
                    lines.show(LineKind::Log, &entry.time, &entry.said, &[&entry.call]);
                }
            }
        }
    };
    std::thread::Builder::new().name("log-lines".to_owned()).spawn(show).ok()
}

/// A line of the log.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    time: String,
    call: String,
    /// `info  what the plugin says`
    said: String,
}

impl Entry {
    /// None if it is no line of the log, such as the host's last words before it ends.
    fn read(line: &str) -> Option<Self> {
        let Ok(Value::Object(entry)) = serde_json::from_str(line) else { return None };
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let fields = entry.get("fields")?.as_object()?;
        let field = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let others = fields.iter().filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()));
        let others: String = others.map(|(name, value)| format!(" {name}={value}")).collect();
        let said = format!("{:5} {}{others}", text("level").to_lowercase(), field("message"));
        Some(Self { time: text("timestamp").to_owned(), call: field("call").to_owned(), said })
    }
}

#[cfg(test)]
mod tests {
    use super::Entry;

    #[test]
    fn a_line_is_its_level_its_message_and_what_is_special() {
        let line = r#"{"timestamp":"t","level":"INFO","fields":{"message":"drew 4","plugin":"p","call":"c","bytes":3},"target":"guest"}"#;
        let entry = Entry::read(line).expect("a line of the log");
        let said = "info  drew 4 bytes=3".to_owned();
        assert_eq!(entry, Entry { time: "t".to_owned(), call: "c".to_owned(), said });
        assert_eq!(Entry::read("moothall: it cannot start"), None);
    }
}
