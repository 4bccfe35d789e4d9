//! Shows what a temporary host and its plugin log: a line each, for a person.

use std::io::{BufRead, BufReader, Write};
use std::process::ChildStderr;
use std::thread::JoinHandle;

use serde_json::Value;

/// Fields of a line that are the same on all of them, or mean nothing here.
const LEFT_OUT: &[&str] = &["message", "community", "plugin", "instance", "call"];

/// Shows all lines until the host ends, on a thread of its own. Without a thread nothing is shown.
pub fn show(stderr: Option<ChildStderr>) -> Option<JoinHandle<()>> {
    let stderr = stderr?;
    let show = move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            // If standard error is closed, nobody wants to know.
            drop(writeln!(std::io::stderr(), "{}", shown(&line)));
        }
    };
    std::thread::Builder::new().name("log-lines".to_owned()).spawn(show).ok()
}

/// `info  what the plugin says`; what is no line of the log stays as it is.
fn shown(line: &str) -> String {
    let Ok(Value::Object(entry)) = serde_json::from_str(line) else { return line.to_owned() };
    let level = entry.get("level").and_then(Value::as_str).unwrap_or_default().to_lowercase();
    let Some(Value::Object(fields)) = entry.get("fields") else { return line.to_owned() };
    let message = fields.get("message").and_then(Value::as_str).unwrap_or_default();
    let others = fields.iter().filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()));
    let others: String = others.map(|(name, value)| format!(" {name}={value}")).collect();
    format!("{level:5} {message}{others}")
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_line_is_its_level_its_message_and_what_is_special() {
        let line = r#"{"timestamp":"t","level":"INFO","fields":{"message":"drew 4","plugin":"p","call":"c","bytes":3},"target":"guest"}"#;
        assert_eq!(shown(line), "info  drew 4 bytes=3");
        assert_eq!(shown("moothall: it cannot start"), "moothall: it cannot start");
    }
}
