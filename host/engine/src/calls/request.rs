//! A call that may run: what it is, on whom, with which input.
//!
//! A `ValidatedCall` exists only after the input was checked; `resolve` makes those that come from
//! outside.

use std::sync::Arc;

use crate::plugins::{Action, CallMetrics, Plugin, ProcessType, Schema, Worker};
use moothall_core::ids::RequestId;
use moothall_core::instance::{InFlight, Instance, ProcessRef};
use moothall_core::web;
use moothall_guest::{Batch, CallContext, Export, Fault, Origin, Output, PendingSecrets};

/// A call whose input is valid, on an instance that is there (if it is about one).
pub struct ValidatedCall {
    plugin: Arc<Plugin>,
    instance: Option<Arc<Instance>>,
    config: Arc<str>,
    what: What,
    process: Option<Arc<ProcessRef>>,
    request_id: RequestId,
    may_send: bool,
    batch: Option<Batch>,
    wall_ms: Option<u64>,
    judge: Option<Judge>,
    /// A driver waits for it, and is told what it returns.
    is_asked: bool,
    /// Its part of the instance's calls in flight; none where it runs under a lock that was taken for it.
    _counted: Option<InFlight>,
}

/// Sees whether an answer is one that whoever asks can use.
pub type Judge = Box<dyn Fn(&Output) -> Result<(), Fault> + Send + Sync>;

/// What is called.
pub enum What {
    Action {
        action: Arc<Action>,
        parameters: String,
    },
    Initialize(PendingSecrets),
    ConfigChanged {
        previous: String,
        secrets: PendingSecrets,
    },
    Upgraded {
        from_version: String,
    },
    Receive(Arc<web::Request>),
    ReceiveGlobal(Arc<web::Request>),
    Handshake(Arc<web::Request>),
    Tick,
    Start {
        kind: Arc<ProcessType>,
        parameters: String,
    },
    Update {
        kind: Arc<ProcessType>,
    },
    Close {
        kind: Arc<ProcessType>,
    },
    ReceiveWebhook {
        kind: Arc<ProcessType>,
        request: Arc<web::Request>,
    },
    AuthorizeUrl {
        request: String,
    },
    HandleCallback {
        callback: String,
    },
    /// `initialize` of an instance of host scope that was there before this process.
    Begin,
    /// `lifecycle.close`.
    Shutdown,
    Filter {
        hook: Arc<str>,
        data: String,
    },
    Enabled {
        worker: Arc<Worker>,
        config: String,
    },
    Handle {
        worker: Arc<Worker>,
        event: Arc<String>,
    },
    Points(Arc<String>),
    Scheduled {
        name: Arc<str>,
        at: String,
    },
    Route {
        path: Arc<str>,
        captures: Vec<(String, String)>,
        request: Arc<web::Request>,
    },
}

impl ValidatedCall {
    /// A call on an instance whose config the plugin's schema accepted as `config`.
    pub(super) fn on(
        plugin: Arc<Plugin>,
        instance: Arc<Instance>,
        config: Arc<str>,
        what: What,
        request_id: RequestId,
    ) -> Self {
        Self { instance: Some(instance), config, ..Self::of_plugin(plugin, what, request_id) }
    }

    /// A call of the plugin for no instance.
    pub fn of_plugin(plugin: Arc<Plugin>, what: What, request_id: RequestId) -> Self {
        Self {
            plugin,
            instance: None,
            config: "{}".into(),
            what,
            process: None,
            request_id,
            may_send: true,
            batch: None,
            wall_ms: None,
            judge: None,
            is_asked: false,
            _counted: None,
        }
    }

    /// `initialize` of an instance that nobody can resolve yet.
    pub fn initialize(
        plugin: Arc<Plugin>,
        instance: Arc<Instance>,
        secrets: PendingSecrets,
        request_id: RequestId,
    ) -> Self {
        let config = instance.stored_config().clone();
        Self::on(plugin, instance, config, What::Initialize(secrets), request_id)
    }

    /// `config-changed` of an instance whose lock the caller holds.
    pub fn config_changed(
        plugin: Arc<Plugin>,
        instance: Arc<Instance>,
        previous: String,
        secrets: PendingSecrets,
        request_id: RequestId,
    ) -> Self {
        let config = instance.stored_config().clone();
        let what = What::ConfigChanged { previous, secrets };
        Self::on(plugin, instance, config, what, request_id)
    }

    /// Counts as one of the instance's calls in flight until it ends.
    pub(super) fn counted(mut self, counted: InFlight) -> Self {
        self._counted = Some(counted);
        self
    }

    /// The process that the call is about.
    pub fn about(mut self, process: Arc<ProcessRef>) -> Self {
        self.process = Some(process);
        self
    }

    /// Follows others whose effects are stored together with its own; within its own time.
    pub fn in_batch(mut self, batch: Batch, wall_ms: u64) -> Self {
        self.batch = Some(batch);
        self.wall_ms = Some(wall_ms);
        self
    }

    /// Within its own time.
    pub fn within(mut self, wall_ms: u64) -> Self {
        self.wall_ms = Some(wall_ms);
        self
    }

    /// A dry run from which nothing leaves the host.
    pub fn without_sending(mut self) -> Self {
        self.may_send = false;
        self
    }

    /// A driver asked for what this is a part of.
    pub fn asked_by_driver(mut self) -> Self {
        self.is_asked = true;
        self
    }

    /// An answer that this refuses is the plugin's fault, and nothing of the call is stored.
    pub fn judged_by(
        mut self,
        judge: impl Fn(&Output) -> Result<(), Fault> + Send + Sync + 'static,
    ) -> Self {
        self.judge = Some(Box::new(judge));
        self
    }

    pub(super) fn judge(&self, output: &Output) -> Result<(), Fault> {
        self.judge.as_ref().map_or(Ok(()), |judge| judge(output))
    }

    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.plugin
    }

    /// None where the call is the plugin's own.
    pub fn instance(&self) -> Option<&Arc<Instance>> {
        self.instance.as_ref()
    }

    /// The slug of the community, for logs and lists; empty where there is none.
    pub fn community(&self) -> &str {
        self.instance.as_ref().map_or("", |instance| instance.community.slug.as_str())
    }

    pub fn process(&self) -> Option<&Arc<ProcessRef>> {
        self.process.as_ref()
    }

    /// The action's slug, the process's type, or the function.
    pub fn name(&self) -> &str {
        match &self.what {
            What::Action { action, .. } => &action.slug,
            What::Initialize(_) => "initialize",
            What::ConfigChanged { .. } => "config-changed",
            What::Upgraded { .. } => "upgraded",
            What::Receive(_) => "receive",
            What::ReceiveGlobal(_) => "receive-global",
            What::Handshake(_) => "answer",
            What::Tick => "tick",
            What::Start { kind, .. }
            | What::Update { kind }
            | What::Close { kind }
            | What::ReceiveWebhook { kind, .. } => &kind.name,
            What::AuthorizeUrl { .. } => "authorize-url",
            What::HandleCallback { .. } => "handle-callback",
            What::Begin => "initialize",
            What::Shutdown => "close",
            What::Filter { hook, .. } => hook,
            What::Enabled { worker, .. } | What::Handle { worker, .. } => &worker.name,
            What::Points(_) => "handle-points",
            What::Scheduled { name, .. } => name,
            What::Route { path, .. } => path,
        }
    }

    /// Whether it goes to the guest that lives on: what shares the memory of a resident plugin.
    pub fn is_for_resident(&self) -> bool {
        let shares = matches!(
            &self.what,
            What::Points(_)
                | What::Tick
                | What::Scheduled { .. }
                | What::Route { .. }
                | What::Shutdown
        );
        shares && self.plugin.manifest.resident
    }

    /// Whether what it returns is told to who called it, and to nobody else: then an error of theirs is not the plugin's.
    pub fn answers_its_caller(&self) -> bool {
        self.is_asked || matches!(self.what, What::Action { .. } | What::Route { .. })
    }

    pub fn request_id(&self) -> &RequestId {
        &self.request_id
    }

    /// Whether the result is a URL.
    pub fn is_for_url(&self) -> bool {
        matches!(self.what, What::AuthorizeUrl { .. })
    }

    pub fn response_schema(&self) -> Option<&Schema> {
        match &self.what {
            What::Action { action, .. } => action.response.as_ref(),
            _ => None,
        }
    }

    /// What the outcome of a process must be once it is completed.
    pub fn outcome_schema(&self) -> Option<&Schema> {
        match &self.what {
            What::Start { kind, .. }
            | What::Update { kind }
            | What::Close { kind }
            | What::ReceiveWebhook { kind, .. } => kind.outcome.as_ref(),
            _ => None,
        }
    }

    pub fn metrics(&self) -> &CallMetrics {
        match &self.what {
            What::Action { action, .. } => &action.metrics,
            What::Initialize(_)
            | What::ConfigChanged { .. }
            | What::Upgraded { .. }
            | What::Begin
            | What::Shutdown => &self.plugin.metrics.lifecycle,
            What::Receive(_) | What::ReceiveGlobal(_) | What::Handshake(_) => {
                &self.plugin.metrics.webhook
            }
            What::Tick | What::Scheduled { .. } => &self.plugin.metrics.tick,
            What::Filter { .. } => &self.plugin.metrics.filter,
            What::Enabled { .. } | What::Handle { .. } => &self.plugin.metrics.worker,
            What::Points(_) => &self.plugin.metrics.monitoring,
            What::Route { .. } => &self.plugin.metrics.route,
            What::Start { kind, .. }
            | What::Update { kind }
            | What::Close { kind }
            | What::ReceiveWebhook { kind, .. } => &kind.metrics,
            What::AuthorizeUrl { .. } | What::HandleCallback { .. } => &self.plugin.metrics.oauth,
        }
    }

    pub fn origin(&self) -> Origin {
        match &self.what {
            What::Action { .. } => Origin::Action,
            What::Initialize(secrets) => Origin::Enable(secrets.clone()),
            What::ConfigChanged { secrets, .. } => Origin::Reconfigure(secrets.clone()),
            What::Upgraded { .. } => Origin::Upgrade,
            What::Receive(_) | What::ReceiveWebhook { .. } => Origin::Webhook,
            What::ReceiveGlobal(_) => Origin::GlobalWebhook,
            What::Handshake(_) => Origin::Handshake,
            What::Tick | What::Scheduled { .. } | What::Update { .. } => Origin::Tick,
            What::Begin => Origin::Start,
            What::Shutdown => Origin::Shutdown,
            What::Filter { .. } => Origin::Hook,
            What::Enabled { .. } | What::Handle { .. } => Origin::Worker,
            What::Points(_) => Origin::Monitoring,
            What::Route { .. } => Origin::Route,
            What::Start { .. } | What::Close { .. } => Origin::Process,
            What::AuthorizeUrl { .. } | What::HandleCallback { .. } => Origin::OAuth,
        }
    }

    /// What the guest is called with. Takes the input along: a call runs once.
    pub(super) fn take_for_guest(&mut self) -> (Export, CallContext) {
        let call_context = CallContext {
            instance: self.instance.clone(),
            config: self.config.clone(),
            origin: self.origin(),
            request_id: Some(self.request_id.clone()),
            read_only: self.what.is_read_only(),
            process: self.process.clone(),
            may_send: self.may_send,
            batch: self.batch.take(),
            wall_ms: self.wall_ms,
        };
        (self.what.export(), call_context)
    }
}

impl What {
    fn is_read_only(&self) -> bool {
        match self {
            Self::Action { action, .. } => action.read_only,
            Self::Filter { .. } | Self::Enabled { .. } | Self::Handshake(_) => true,
            _ => false,
        }
    }

    fn export(&mut self) -> Export {
        use std::mem::take;
        match self {
            Self::Action { action, parameters } => {
                Export::Perform { slug: action.slug.clone(), parameters: take(parameters) }
            }
            Self::Initialize(_) => Export::Initialize,
            Self::ConfigChanged { previous, .. } => {
                Export::ConfigChanged { previous: take(previous) }
            }
            Self::Upgraded { from_version } => {
                Export::Upgraded { from_version: take(from_version) }
            }
            Self::Receive(request) => Export::Receive(request.clone()),
            Self::ReceiveGlobal(request) => Export::ReceiveGlobal(request.clone()),
            Self::Handshake(request) => Export::Handshake(request.clone()),
            Self::Tick => Export::Tick,
            Self::Start { kind, parameters } => {
                Export::Start { process: kind.name.clone(), parameters: take(parameters) }
            }
            Self::Update { kind } => Export::Update { process: kind.name.clone() },
            Self::Close { kind } => Export::Close { process: kind.name.clone() },
            Self::ReceiveWebhook { kind, request } => {
                Export::ReceiveWebhook { process: kind.name.clone(), request: request.clone() }
            }
            Self::AuthorizeUrl { request } => Export::AuthorizeUrl { request: take(request) },
            Self::HandleCallback { callback } => {
                Export::HandleCallback { callback: take(callback) }
            }
            Self::Begin => Export::Initialize,
            Self::Shutdown => Export::Shutdown,
            Self::Filter { hook, data } => Export::Filter { hook: hook.clone(), data: take(data) },
            Self::Enabled { worker, config } => {
                Export::Enabled { worker: worker.name.clone(), config: take(config) }
            }
            Self::Handle { worker, event } => {
                Export::Handle { worker: worker.name.clone(), event: event.clone() }
            }
            Self::Points(points) => Export::Points(points.clone()),
            Self::Scheduled { name, at } => {
                Export::ScheduleTick { name: name.clone(), scheduled_at: take(at) }
            }
            Self::Route { path, captures, request } => Export::Route {
                path: path.clone(),
                captures: take(captures),
                request: request.clone(),
            },
        }
    }
}
