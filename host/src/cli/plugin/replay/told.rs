//! Tells how a repeated call went, beside how it was recorded.

use serde_json::{Value, json};

use moothall_engine::calls::Repeated;
use moothall_values::recording::{RecordedFailure, Recording, Returned};

/// How many lines of the guest's log are shown.
const LOG_LINES: usize = 10;

/// What came of a repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It ran as it was recorded.
    Same,
    /// It failed then, and succeeds now.
    Mended,
    Differs,
}

impl Verdict {
    pub fn of(recording: &Recording, repeated: &Repeated) -> Self {
        let is_mended = recording.failure.is_some() && repeated.failure.is_none();
        match repeated.differences.is_empty() && repeated.missing.is_empty() {
            true => Self::Same,
            false if is_mended && repeated.missing.is_empty() => Self::Mended,
            false => Self::Differs,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Mended => "mended",
            Self::Differs => "differs",
        }
    }
}

/// Which call it is, and what is called.
pub fn head(recording: &Recording, is_recorded: bool, digest: &str) -> Vec<String> {
    let call = &recording.call;
    let function = recording.input.as_ref().map_or("a call", |input| input.function.as_str());
    let file = match is_recorded {
        true => "the recorded file".to_owned(),
        false => format!(
            "another file than the recorded one ({}… instead of {}…)",
            short(digest),
            short(&call.digest)
        ),
    };
    vec![
        format!(
            "{} of `{}` {}: {function} `{}`, {}",
            call.id, call.plugin, call.version, call.name, call.started_at
        ),
        format!("called: {file}"),
    ]
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

pub fn text(recording: &Recording, repeated: &Repeated, verdict: Verdict) -> Vec<String> {
    let recorded = outcome(&recording.returned, recording.failure.as_ref());
    let now = outcome(&repeated.returned, repeated.failure.as_ref());
    let mut lines = vec![format!("recorded: {recorded}"), format!("now:      {now}")];
    let imports = repeated.imports.len();
    match verdict {
        Verdict::Same => {
            lines.push(format!("it ran as it was recorded, with the same {imports} imports"));
        }
        Verdict::Mended => {
            lines.push("it failed when it was recorded, and succeeds now".to_owned())
        }
        Verdict::Differs => {}
    }
    if let Some(first) = repeated.differences.first() {
        lines.push(format!("the first difference: {first}"));
    }
    let more = repeated.missing.iter();
    lines
        .extend(more.map(|what| format!("not in the recording, and answered by an error: {what}")));
    if repeated.failure.is_some() && !repeated.log.is_empty() {
        lines.push("the last lines of its log:".to_owned());
        let log: Vec<_> = repeated.log.lines().collect();
        let last = log.len().saturating_sub(LOG_LINES);
        lines.extend(log[last..].iter().map(|line| format!("  {line}")));
    }
    lines
}

/// `returned {…}`, or how it failed.
pub fn outcome(returned: &Returned, failure: Option<&RecordedFailure>) -> String {
    match failure {
        Some(failure) => format!("failed with {}", failure.shown()),
        None => returned.shown(),
    }
}

pub fn document(
    recording: &Recording,
    repeated: &Repeated,
    verdict: Verdict,
    is_recorded: bool,
) -> Value {
    json!({
        "call": recording.call,
        "with_the_recorded_file": is_recorded,
        "outcome": verdict.as_str(),
        "recorded": { "returned": recording.returned, "failure": recording.failure },
        "now": { "returned": repeated.returned, "failure": repeated.failure },
        "differences": repeated.differences,
        "not_recorded": repeated.missing,
        "imports": repeated.imports,
        "recorded_cpu_us": recording.cpu_us,
        "cpu_us": repeated.cpu_us,
        "log": repeated.log,
    })
}
