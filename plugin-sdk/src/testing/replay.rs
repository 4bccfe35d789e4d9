//! Repeats a call that was recorded on a host: `moothall plugin replay CALL --as-test` writes tests that do this.

mod seeds;

use moothall_values::recording::{self, Recording};
use serde_json::{Value, json};

use super::Host;
use super::kept::ProcessRecord;
use crate::export::{Actions, Lifecycle, Processes, Producer, Schedules, Webhooks, Workers};
use crate::{Error, Plugin, Result, WebhookRequest, WebhookResponse};

/// The process that a recorded call is about.
const PROCESS: &str = "1";

/// A recorded call, in an in-memory host that has what the call met: configuration, state, a process, and the answers of
/// platforms. Secrets are stand-ins; clocks, random numbers and people's accounts are not the recorded ones.
///
/// Each method makes the call if it was one of its kind, and fails otherwise. Afterwards [`host`](Self::host) shows what the
/// call left behind.
///
/// ```
/// use moothall_sdk::testing::Replay;
/// use moothall_sdk::{Plugin, Result, plugin};
/// # use moothall_sdk::serde_json::{Value, json};
///
/// struct Counter;
///
/// #[plugin(name = "counter")]
/// impl Counter {
///     #[action(slug = "count")]
///     fn count(&self) -> Result<u64> {
///         let count = self.state().get::<u64>("count")?.unwrap_or(0) + 1;
///         self.state().set("count", &count)?;
///         Ok(count)
///     }
/// }
///
/// # let recording = json!({
/// #     "format": 1,
/// #     "call": { "id": "call_1", "request_id": "r", "plugin": "counter", "version": "1", "digest": "d",
/// #         "name": "count", "started_at": "2026-01-01T00:00:00Z" },
/// #     "context": { "community": "acme", "community_name": "", "instance": 1, "community_platform_id": null,
/// #         "origin": "action", "config": "{}", "settings": "{}" },
/// #     "limits": { "cpu_ms": 1000, "wall_ms": 10000, "memory_bytes": 67108864, "result_bytes": 1048576 },
/// #     "input": { "function": "actions.perform", "arguments": ["count", "{}"] },
/// #     "imports": [{ "import": "state.get", "arguments": ["count"], "answer": { "ok": "41" } }],
/// #     "readings": { "wall_ns": [], "monotonic_ns": [], "random": "", "insecure": "", "seed": "0" },
/// #     "returned": { "output": "42" }, "failure": null, "cpu_us": 1, "not_replayable": null
/// # });
/// # let recording = recording.to_string();
/// let mut call = Replay::of(Counter, &recording);
/// assert_eq!(call.action(), Ok(json!(42)));
/// assert_eq!(call.host().state("count"), Some(json!(42)));
/// ```
#[derive(Debug)]
pub struct Replay<P: Plugin> {
    host: Host<P>,
    function: String,
    arguments: Vec<Value>,
}

impl<P: Plugin> Replay<P> {
    /// Prepares a host for the call. The test fails if the recording cannot be read, or the call cannot be repeated.
    #[track_caller]
    pub fn of(plugin: P, recording: &str) -> Self {
        let recording = Recording::parse(recording).expect("the recording can be read");
        let Recording { input, not_replayable, .. } = recording.clone();
        assert!(not_replayable.is_none(), "the call cannot be repeated: {not_replayable:?}");
        let input = input.expect("the recording has its input");
        let mut host = Host::new(plugin);
        seeds::put(&mut host.world, &recording);
        if input.function.starts_with("processes.") && input.function != "processes.start" {
            let name = input.arguments.first().and_then(Value::as_str).unwrap_or_default();
            let mut record = ProcessRecord::new(name);
            seeds::put_process(&mut record, &recording);
            host.world.kept.processes.insert(PROCESS.to_owned(), record);
        }
        Self { host, function: input.function, arguments: input.arguments }
    }

    /// The host, before or after the call.
    pub fn host(&self) -> &Host<P> {
        &self.host
    }

    #[track_caller]
    fn require(&self, functions: &[&str]) {
        assert!(
            functions.contains(&self.function.as_str()),
            "the recording is of a call of `{}`",
            self.function
        );
    }

    fn text(&self, at: usize) -> Result<String> {
        let text = self.arguments.get(at).and_then(Value::as_str);
        text.map(str::to_owned).ok_or_else(unreadable)
    }

    fn json(&self, at: usize) -> Result<Value> {
        Ok(serde_json::from_str(&self.text(at)?)?)
    }

    fn request(&self, at: usize) -> Result<WebhookRequest> {
        let request = self.arguments.get(at).ok_or_else(unreadable)?;
        let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
        Ok(WebhookRequest {
            method: text("method"),
            path: text("path"),
            query: text("query"),
            headers: recording::headers_of(&request["headers"]).ok_or_else(unreadable)?,
            body: recording::body_bytes(&request["body"]).ok_or_else(unreadable)?,
        })
    }
}

fn unreadable() -> Error {
    Error::internal("the recorded arguments cannot be read")
}

/// A response as a recording has it: `{status, headers, body}`, or `null`.
fn shown(response: Option<WebhookResponse>) -> Value {
    response.map_or(Value::Null, |response| {
        let (status, headers, body) = response.parts();
        recording::response(status, headers, body)
    })
}

impl<P: Actions> Replay<P> {
    /// Performs the action; returns its result.
    #[track_caller]
    pub fn action(&mut self) -> Result<Value> {
        self.require(&["actions.perform"]);
        let (slug, parameters) = (self.text(0)?, self.json(1)?);
        self.host.action(&slug, parameters)
    }
}

impl<P: Webhooks> Replay<P> {
    /// Sends the webhook; returns the plugin's answer as `{status, headers, body}`, or `null`.
    #[track_caller]
    pub fn webhook(&mut self) -> Result<Value> {
        self.require(&["webhooks.receive"]);
        let request = self.request(0)?;
        self.host.webhook(request).map(shown)
    }
}

impl<P: Producer> Replay<P> {
    /// Calls the producer; returns `null`.
    #[track_caller]
    pub fn tick(&mut self) -> Result<Value> {
        self.require(&["producer.tick"]);
        self.host.tick().map(|()| Value::Null)
    }
}

impl<P: Schedules> Replay<P> {
    /// Calls the schedule; returns `null`.
    #[track_caller]
    pub fn schedule(&mut self) -> Result<Value> {
        self.require(&["schedules.tick"]);
        let (name, at) = (self.text(0)?, self.text(1)?);
        self.host.schedule(&name, &at).map(|()| Value::Null)
    }
}

impl<P: Workers> Replay<P> {
    /// Gives the worker its event; returns `null`.
    #[track_caller]
    pub fn worker(&mut self) -> Result<Value> {
        self.require(&["workers.handle"]);
        let (worker, event) = (self.text(0)?, self.text(1)?);
        self.host.handle(&worker, serde_json::from_str(&event)?).map(|()| Value::Null)
    }
}

impl<P: Lifecycle> Replay<P> {
    /// Enables the plugin; returns `null`.
    #[track_caller]
    pub fn enable(&mut self) -> Result<Value> {
        self.require(&["lifecycle.initialize"]);
        self.host.enable().map(|()| Value::Null)
    }
}

impl<P: Processes> Replay<P> {
    /// Starts the process; returns `null`.
    #[track_caller]
    pub fn start_process(&mut self) -> Result<Value> {
        self.require(&["processes.start"]);
        let (name, parameters) = (self.text(0)?, self.json(1)?);
        self.host.start(&name, parameters).map(|_| json!(null))
    }

    /// Updates or closes the process, or sends it the webhook; returns `null`, or the answer to the webhook.
    #[track_caller]
    pub fn process(&mut self) -> Result<Value> {
        let functions = ["processes.update", "processes.close", "processes.receive-webhook"];
        self.require(&functions);
        match self.function.as_str() {
            "processes.update" => self.host.update(PROCESS).map(|()| Value::Null),
            "processes.close" => self.host.close(PROCESS).map(|()| Value::Null),
            _ => {
                let request = self.request(1)?;
                self.host.process_webhook(PROCESS, request).map(shown)
            }
        }
    }
}
