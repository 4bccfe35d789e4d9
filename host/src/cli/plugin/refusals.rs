//! The errors about plugin files that a host does not serve, with every reason.

use anyhow::anyhow;
use serde_json::Value;

use crate::app::Examined;

/// `bad_manifest: two actions have the slug …`
pub fn reason(code: &str, message: &str) -> String {
    format!("{code}: {message}")
}

/// About a file that was examined here.
pub fn of_examined(examined: &Examined) -> anyhow::Error {
    let reasons = examined.outcome.as_ref().err().into_iter().flatten();
    let reasons = reasons.map(|error| reason(error.code, &error.message));
    anyhow!("a host would not serve {}:{}", examined.path.display(), lines(reasons))
}

/// About a file as a host lists it.
pub fn of_listed(file: &Value) -> anyhow::Error {
    let errors = file["errors"].as_array().into_iter().flatten();
    let text = |error: &Value, field: &str| error[field].as_str().unwrap_or_default().to_owned();
    let reasons = errors.map(|error| reason(&text(error, "code"), &text(error, "message")));
    anyhow!("the host does not serve the plugin:{}", lines(reasons))
}

fn lines(reasons: impl Iterator<Item = String>) -> String {
    reasons.map(|reason| format!("\n  {reason}")).collect()
}
