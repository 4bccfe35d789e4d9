//! What a recorded call met: found in the answers that it got before it wrote anything itself.

use std::collections::{BTreeMap, BTreeSet};

use moothall_values::recording::{Noted, RecordedError, Recording, response_of};
use serde_json::Value;

use crate::testing::answer::Answer;
use crate::testing::kept::{ProcessRecord, ProcessStatus};
use crate::testing::world::World;
use crate::{Error, ErrorKind};

/// The value of each secret: a recording has none.
const SECRET: &str = "[not recorded]";

/// Fills the world: configuration, settings, secrets, state, answers to requests.
pub fn put(world: &mut World, recording: &Recording) {
    let context = &recording.context;
    world.community.clone_from(&context.community);
    if let Ok(config) = serde_json::from_str(&context.config) {
        secrets(&config, "", &mut world.secrets);
        world.config = config;
    }
    if let Ok(settings) = serde_json::from_str(&context.settings) {
        secrets(&settings, "settings:", &mut world.secrets);
        world.settings = settings;
    }
    world.kept.state = values("state", &recording.imports);
    world.script = recording.imports.iter().filter_map(scripted).collect();
    let numbers = recording.imports.iter().find(|noted| noted.import == "metrics.snapshot");
    let numbers = numbers.and_then(|noted| ok(noted)?.as_str());
    if let Some(numbers) = numbers.and_then(|numbers| serde_json::from_str(numbers).ok()) {
        world.metrics = numbers;
    }
}

/// Fills in what the call read of its process.
pub fn put_process(record: &mut ProcessRecord, recording: &Recording) {
    record.status = ProcessStatus::Pending;
    record.state = values("process", &recording.imports);
    let read = |function: &str| {
        let import = format!("process.{function}");
        let before =
            recording.imports.iter().take_while(|one| !one.import.starts_with("process.set-"));
        before.filter(|noted| noted.import == import).find_map(ok)
    };
    let json = |function: &str| serde_json::from_str(read(function)?.as_str()?).ok();
    let text = |function: &str| read(function)?.as_str().map(str::to_owned);
    record.outcome = json("outcome").unwrap_or_else(|| record.outcome.clone());
    record.errors = json("errors").unwrap_or_else(|| record.errors.clone());
    record.url = text("url");
    record.closing_at = text("closing-at");
}

/// What an import answered, unless it refused.
fn ok(noted: &Noted) -> Option<&Value> {
    noted.answer.as_ref()?.get("ok")
}

/// Puts a stand-in in the place of each secret that is set.
fn secrets(value: &Value, before: &str, secrets_of: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => match fields.get("$secret").and_then(Value::as_str) {
            Some(place) => drop(secrets_of.insert(format!("{before}{place}"), SECRET.to_owned())),
            None => fields.values().for_each(|field| secrets(field, before, secrets_of)),
        },
        Value::Array(items) => items.iter().for_each(|item| secrets(item, before, secrets_of)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The values that were there before the call: those that it read and had not written.
fn values(interface: &str, imports: &[Noted]) -> BTreeMap<String, String> {
    let (mut values, mut written) = (BTreeMap::new(), BTreeSet::new());
    for noted in imports {
        let Some((of, function)) = noted.import.split_once('.') else { continue };
        let (Some(answer), true) = (ok(noted), of == interface) else { continue };
        let key = noted.arguments.first().and_then(Value::as_str).unwrap_or_default().to_owned();
        match function {
            "get" if !written.contains(&key) => {
                if let Some(value) = answer.as_str() {
                    values.insert(key, value.to_owned());
                }
            }
            "remove" if !written.contains(&key) && *answer == Value::Bool(true) => {
                values.entry(key.clone()).or_insert_with(|| "null".to_owned());
                written.insert(key);
            }
            "set" | "remove" => drop(written.insert(key)),
            "keys" => {
                let listed = answer.as_array().into_iter().flatten().filter_map(Value::as_str);
                for key in listed.filter(|key| !written.contains(*key)) {
                    values.entry(key.to_owned()).or_insert_with(|| "null".to_owned());
                }
            }
            _ => {}
        }
    }
    values
}

/// The answer to a request.
fn scripted(noted: &Noted) -> Option<(String, String, Answer)> {
    if noted.import != "http.send" {
        return None;
    }
    let request = noted.arguments.first()?;
    let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
    let answer = match ok(noted) {
        Some(answer) => {
            let (status, headers, body) = response_of(answer)?;
            let answer = Answer::status(status).body(body);
            headers.iter().fold(answer, |answer, (name, value)| answer.header(name, value))
        }
        None => Answer::failing(refusal(noted.answer.as_ref())),
    };
    Some((text("method"), text("url"), answer))
}

/// The error that an import answered with; none was answered if the call ended before.
fn refusal(answer: Option<&Value>) -> Error {
    let error = answer.and_then(|answer| answer.get("error")).cloned();
    let error = error.and_then(|error| serde_json::from_value::<RecordedError>(error).ok());
    let Some(RecordedError { kind, message, .. }) = error else {
        return Error::unavailable("the recorded call ended before there was an answer");
    };
    let kind = match kind.as_str() {
        "invalid" => ErrorKind::Invalid,
        "unauthorized" => ErrorKind::Unauthorized,
        "forbidden" => ErrorKind::Forbidden,
        "not-found" => ErrorKind::NotFound,
        "conflict" => ErrorKind::Conflict,
        "unavailable" => ErrorKind::Unavailable,
        "internal" => ErrorKind::Internal,
        own => ErrorKind::Other(own.strip_prefix("other:").unwrap_or(own).to_owned()),
    };
    Error::new(kind, message)
}
