//! Calls and results of exports in a recording: which function was called with what, and what it returned.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    AnswerHandshake, Export, Filter, HandlePoints, HandleRoute, LifecycleCall, Output, Perform,
    ProcessCall, ProcessInput, ProducerTick, Receive, ReceiveGlobal, ScheduleTick, Verdict,
    WorkerCall, WorkerInput,
};
use crate::fault::{Fault, GuestError, Kind};
use moothall_core::web;
use moothall_values::recording::{self, Invocation, RecordedError, RecordedFailure, Returned};

impl Export {
    /// About how many bytes are handed over.
    pub fn input_bytes(&self) -> usize {
        let request =
            |request: &web::Request| usize::try_from(request.bytes()).unwrap_or(usize::MAX);
        match self {
            Self::Perform(call) => call.parameters.len(),
            Self::Filter(call) => call.data.len(),
            Self::HandlePoints(call) => call.0.len(),
            Self::Receive(call) => request(&call.0),
            Self::ReceiveGlobal(call) => request(&call.0),
            Self::AnswerHandshake(call) => request(&call.0),
            Self::HandleRoute(call) => request(&call.request),
            Self::WorkerCall(WorkerCall { input, .. }) => match input {
                WorkerInput::Enabled { config } => config.len(),
                WorkerInput::Handle { event } => event.len(),
            },
            Self::ProcessCall(ProcessCall { input, .. }) => match input {
                ProcessInput::Start { parameters } => parameters.len(),
                ProcessInput::ReceiveWebhook(one) => request(one),
                ProcessInput::Update | ProcessInput::Close => 0,
            },
            Self::LifecycleCall(LifecycleCall::ConfigChanged { previous }) => previous.len(),
            Self::LifecycleCall(_)
            | Self::Describe(_)
            | Self::ProducerTick(_)
            | Self::ScheduleTick(_)
            | Self::OAuthCall(_) => 0,
        }
    }

    /// The call as a recording has it. None for those that are never recorded: `describe`, and authorisations, which are
    /// about nothing but secrets.
    pub fn invocation(&self) -> Option<Invocation> {
        let (function, arguments) = match self {
            Self::Describe(_) | Self::OAuthCall(_) => return None,
            Self::Perform(call) => {
                ("actions.perform", vec![json!(*call.slug), json!(call.parameters)])
            }
            Self::Receive(call) => ("webhooks.receive", vec![request(&call.0)]),
            Self::ReceiveGlobal(call) => ("global-webhooks.receive-global", vec![request(&call.0)]),
            Self::AnswerHandshake(call) => ("handshakes.answer", vec![request(&call.0)]),
            Self::ProducerTick(_) => ("producer.tick", Vec::new()),
            Self::ScheduleTick(call) => {
                ("schedules.tick", vec![json!(*call.name), json!(call.scheduled_at)])
            }
            Self::Filter(call) => ("hooks.filter", vec![json!(*call.hook), json!(call.data)]),
            Self::HandlePoints(call) => ("monitoring.handle-points", vec![json!(*call.0)]),
            Self::HandleRoute(call) => (
                "routes.handle",
                vec![json!(*call.path), json!(call.captures), request(&call.request)],
            ),
            Self::ProcessCall(call) => return Some(of_process(call)),
            Self::WorkerCall(call) => match &call.input {
                WorkerInput::Enabled { config } => {
                    ("workers.enabled", vec![json!(*call.worker), json!(config)])
                }
                WorkerInput::Handle { event } => {
                    ("workers.handle", vec![json!(*call.worker), json!(**event)])
                }
            },
            Self::LifecycleCall(call) => match call {
                LifecycleCall::Initialize | LifecycleCall::Restart => {
                    ("lifecycle.initialize", Vec::new())
                }
                LifecycleCall::ConfigChanged { previous } => {
                    ("lifecycle.config-changed", vec![json!(previous)])
                }
                LifecycleCall::Upgraded { from_version } => {
                    ("lifecycle.upgraded", vec![json!(from_version)])
                }
                LifecycleCall::Close => ("lifecycle.close", Vec::new()),
            },
        };
        Some(Invocation { function: function.to_owned(), arguments })
    }

    /// The call that a recording has; what is wrong with it, if there is none.
    pub fn of_invocation(invocation: &Invocation) -> Result<Self, String> {
        let wrong = || format!("the recorded call of `{}` cannot be read", invocation.function);
        Read(&invocation.arguments).export(&invocation.function).ok_or_else(wrong)
    }
}

fn of_process(call: &ProcessCall) -> Invocation {
    let mut arguments = vec![json!(*call.process)];
    let function = match &call.input {
        ProcessInput::Start { parameters } => {
            arguments.push(json!(parameters));
            "processes.start"
        }
        ProcessInput::Update => "processes.update",
        ProcessInput::Close => "processes.close",
        ProcessInput::ReceiveWebhook(one) => {
            arguments.push(request(one));
            "processes.receive-webhook"
        }
    };
    Invocation { function: function.to_owned(), arguments }
}

fn request(request: &web::Request) -> Value {
    json!({
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "headers": recording::headers(&request.headers),
        "body": recording::body(&request.body),
    })
}

/// Reads the arguments of a call.
struct Read<'a>(&'a [Value]);

impl Read<'_> {
    fn text(&self, at: usize) -> Option<String> {
        self.0.get(at)?.as_str().map(str::to_owned)
    }

    fn name(&self, at: usize) -> Option<Arc<str>> {
        self.text(at).map(Arc::from)
    }

    fn request(&self, at: usize) -> Option<Arc<web::Request>> {
        let value = self.0.get(at)?;
        let text = |field: &str| value[field].as_str().map(str::to_owned);
        Some(Arc::new(web::Request {
            method: text("method")?,
            path: text("path")?,
            query: text("query")?,
            headers: recording::headers_of(&value["headers"])?,
            body: recording::body_bytes(&value["body"])?,
        }))
    }

    fn export(&self, function: &str) -> Option<Export> {
        Some(match function {
            "actions.perform" => {
                let (slug, parameters) = (self.name(0)?, self.text(1)?);
                Perform { slug, parameters, is_read_only: false }.into()
            }
            "webhooks.receive" => Receive(self.request(0)?).into(),
            "global-webhooks.receive-global" => ReceiveGlobal(self.request(0)?).into(),
            "handshakes.answer" => AnswerHandshake(self.request(0)?).into(),
            "producer.tick" => ProducerTick.into(),
            "schedules.tick" => {
                ScheduleTick { name: self.name(0)?, scheduled_at: self.text(1)? }.into()
            }
            "hooks.filter" => Filter { hook: self.name(0)?, data: self.text(1)? }.into(),
            "monitoring.handle-points" => HandlePoints(Arc::new(self.text(0)?)).into(),
            "routes.handle" => HandleRoute {
                path: self.name(0)?,
                captures: recording::headers_of(self.0.get(1)?)?,
                request: self.request(2)?,
            }
            .into(),
            "workers.enabled" => {
                let input = WorkerInput::Enabled { config: self.text(1)? };
                WorkerCall { worker: self.name(0)?, input }.into()
            }
            "workers.handle" => {
                let input = WorkerInput::Handle { event: Arc::new(self.text(1)?) };
                WorkerCall { worker: self.name(0)?, input }.into()
            }
            _ => match function.split_once('.')? {
                ("processes", function) => self.process(function)?.into(),
                ("lifecycle", function) => self.lifecycle(function)?.into(),
                _ => return None,
            },
        })
    }

    fn process(&self, function: &str) -> Option<ProcessCall> {
        let input = match function {
            "start" => ProcessInput::Start { parameters: self.text(1)? },
            "update" => ProcessInput::Update,
            "close" => ProcessInput::Close,
            "receive-webhook" => ProcessInput::ReceiveWebhook(self.request(1)?),
            _ => return None,
        };
        Some(ProcessCall { process: self.name(0)?, input })
    }

    fn lifecycle(&self, function: &str) -> Option<LifecycleCall> {
        Some(match function {
            "initialize" => LifecycleCall::Initialize,
            "config-changed" => LifecycleCall::ConfigChanged { previous: self.text(0)? },
            "upgraded" => LifecycleCall::Upgraded { from_version: self.text(0)? },
            "close" => LifecycleCall::Close,
            _ => return None,
        })
    }
}

/// What a guest returned, as a recording has it.
pub fn returned(result: &Result<Result<Output, GuestError>, Fault>) -> Returned {
    match result {
        Ok(Ok(output)) => Returned::Output(output_value(output)),
        Ok(Err(error)) => Returned::Error(RecordedError {
            kind: kind(&error.kind),
            message: error.message.clone(),
            details: error.details.clone(),
            retryable: error.retryable,
        }),
        Err(fault) => Returned::Fault(RecordedFailure {
            code: fault.code().to_owned(),
            detail: fault.to_string(),
        }),
    }
}

/// The same, and of an output that has more bytes only their number: it is not copied.
pub fn returned_within(
    result: &Result<Result<Output, GuestError>, Fault>,
    bytes: usize,
) -> Returned {
    match result {
        Ok(Ok(Output::Text(Some(text)))) if text.len() > bytes => Returned::large(text.len()),
        result => returned(result).within(bytes),
    }
}

fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Own(own) => format!("other:{own}"),
        known => known.code().replace('_', "-"),
    }
}

fn output_value(output: &Output) -> Value {
    let response = |one: &web::Response| recording::response(one.status, &one.headers, &one.body);
    match output {
        Output::Nothing => Value::Null,
        Output::Text(text) => json!(text),
        Output::Url(url) => json!(url),
        Output::Response(one) => one.as_ref().map_or(Value::Null, response),
        Output::Routed(routed) => {
            let target = |target: &web::Target| match target {
                web::Target::PlatformId(id) => json!({ "platform_id": id }),
                web::Target::RouteKey { pointer, value } => {
                    json!({ "pointer": pointer, "value": value })
                }
            };
            let targets: Vec<Value> = routed.targets.iter().map(target).collect();
            json!({ "response": routed.response.as_ref().map(response), "targets": targets })
        }
        Output::Verdict(verdict) => match verdict {
            Verdict::Pass => json!("pass"),
            Verdict::Stop => json!("stop"),
            Verdict::Update(text) => json!({ "update": text }),
            Verdict::Halt(text) => json!({ "halt": text }),
        },
        Output::Enabled(is_enabled) => json!(is_enabled),
    }
}
