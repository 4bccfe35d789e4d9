//! The exports of a component: which of them there are, and the way into each.
//!
//! Everything is one sandbox, one function, one `Output`. What an output means is the caller's.

mod background;

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use super::bindings::{
    ActionsExportsIndices, Error, GlobalWebhooksExportsIndices, HandshakesExportsIndices,
    LifecycleExportsIndices, OauthExportsIndices, PluginExportsIndices, ProcessesExportsIndices,
    ProducerExportsIndices, WebhooksExportsIndices,
};
use super::call_state::CallState;
use super::{imports, web_types};
use background::Background;
use moothall_core::web;

/// Which function of the guest a call is.
#[derive(Clone, Debug)]
pub enum Export {
    Describe,
    Initialize,
    ConfigChanged {
        previous: String,
    },
    Upgraded {
        from_version: String,
    },
    Perform {
        slug: Arc<str>,
        parameters: String,
    },
    Receive(Arc<web::Request>),
    ReceiveGlobal(Arc<web::Request>),
    Handshake(Arc<web::Request>),
    Tick,
    Start {
        process: Arc<str>,
        parameters: String,
    },
    Update {
        process: Arc<str>,
    },
    Close {
        process: Arc<str>,
    },
    ReceiveWebhook {
        process: Arc<str>,
        request: Arc<web::Request>,
    },
    AuthorizeUrl {
        request: String,
    },
    HandleCallback {
        callback: String,
    },
    /// `lifecycle.close`.
    Shutdown,
    Filter {
        hook: Arc<str>,
        data: String,
    },
    Enabled {
        worker: Arc<str>,
        config: String,
    },
    Handle {
        worker: Arc<str>,
        event: Arc<String>,
    },
    Points(Arc<String>),
    ScheduleTick {
        name: Arc<str>,
        scheduled_at: String,
    },
    Route {
        path: Arc<str>,
        captures: Vec<(String, String)>,
        request: Arc<web::Request>,
    },
}

/// What a step of a hook makes of the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    /// JSON.
    Update(String),
    Stop,
    /// JSON.
    Halt(String),
}

/// What a function returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    Nothing,
    /// A text: JSON, but for the URL of `authorize-url`.
    Text(Option<String>),
    Response(Option<web::Response>),
    Routed(web::Routed),
    Verdict(Verdict),
    Enabled(bool),
}

pub type Returned = wasmtime::Result<Result<Output, Error>>;

/// The export interfaces that a component has.
pub struct Exports {
    plugin: PluginExportsIndices,
    lifecycle: Option<LifecycleExportsIndices>,
    actions: Option<ActionsExportsIndices>,
    webhooks: Option<WebhooksExportsIndices>,
    global_webhooks: Option<GlobalWebhooksExportsIndices>,
    handshakes: Option<HandshakesExportsIndices>,
    producer: Option<ProducerExportsIndices>,
    processes: Option<ProcessesExportsIndices>,
    oauth: Option<OauthExportsIndices>,
    background: Background,
}

impl Exports {
    /// Looks for each of them apart; only `plugin` must be there.
    pub fn of(pre: &InstancePre<CallState>) -> wasmtime::Result<Self> {
        Ok(Self {
            plugin: PluginExportsIndices::new(pre)?,
            lifecycle: LifecycleExportsIndices::new(pre).ok(),
            actions: ActionsExportsIndices::new(pre).ok(),
            webhooks: WebhooksExportsIndices::new(pre).ok(),
            global_webhooks: GlobalWebhooksExportsIndices::new(pre).ok(),
            handshakes: HandshakesExportsIndices::new(pre).ok(),
            producer: ProducerExportsIndices::new(pre).ok(),
            processes: ProcessesExportsIndices::new(pre).ok(),
            oauth: OauthExportsIndices::new(pre).ok(),
            background: Background::of(pre),
        })
    }

    /// The names of the optional ones that there are.
    pub fn names(&self) -> Vec<&'static str> {
        let optional = [
            ("lifecycle", self.lifecycle.is_some()),
            ("actions", self.actions.is_some()),
            ("webhooks", self.webhooks.is_some()),
            ("global-webhooks", self.global_webhooks.is_some()),
            ("handshakes", self.handshakes.is_some()),
            ("producer", self.producer.is_some()),
            ("processes", self.processes.is_some()),
            ("oauth", self.oauth.is_some()),
        ];
        let optional = optional.into_iter().chain(self.background.names());
        optional.filter(|(_, has)| *has).map(|(name, _)| name).collect()
    }

    pub async fn call(
        &self,
        store: &mut Store<CallState>,
        instance: &Instance,
        export: Export,
    ) -> Returned {
        match export {
            Export::Describe => {
                let plugin = self.plugin.load(&mut *store, instance)?;
                let manifest = plugin.moothall_plugin_plugin().call_describe(store).await?;
                Ok(Ok(Output::Text(Some(manifest))))
            }
            Export::Initialize
            | Export::ConfigChanged { .. }
            | Export::Upgraded { .. }
            | Export::Shutdown => self.lifecycle(store, instance, export).await,
            Export::Perform { slug, parameters } => {
                let actions = exported(&self.actions)?.load(&mut *store, instance)?;
                let actions = actions.moothall_plugin_actions();
                Ok(actions.call_perform(store, &slug, &parameters).await?.map(Output::Text))
            }
            Export::Receive(request) => {
                let webhooks = exported(&self.webhooks)?.load(&mut *store, instance)?;
                let request = web_types::incoming(&request);
                let webhooks = webhooks.moothall_plugin_webhooks();
                Ok(webhooks.call_receive(store, &request).await?.map(response))
            }
            Export::ReceiveGlobal(request) => {
                let webhooks = exported(&self.global_webhooks)?.load(&mut *store, instance)?;
                let request = web_types::incoming(&request);
                let webhooks = webhooks.moothall_plugin_global_webhooks();
                let routed = webhooks.call_receive_global(store, &request).await?;
                Ok(routed.map(|routed| Output::Routed(web_types::routed(routed))))
            }
            Export::Handshake(request) => {
                let handshakes = exported(&self.handshakes)?.load(&mut *store, instance)?;
                let request = web_types::incoming(&request);
                let handshakes = handshakes.moothall_plugin_handshakes();
                let returned = handshakes.call_answer(store, &request).await?;
                Ok(returned.map(|one| response(Some(one))))
            }
            Export::Tick => {
                let producer = exported(&self.producer)?.load(&mut *store, instance)?;
                Ok(producer.moothall_plugin_producer().call_tick(store).await?.map(nothing))
            }
            Export::AuthorizeUrl { .. } | Export::HandleCallback { .. } => {
                self.oauth(store, instance, export).await
            }
            Export::Start { .. }
            | Export::Update { .. }
            | Export::Close { .. }
            | Export::ReceiveWebhook { .. } => self.processes(store, instance, export).await,
            other => self.background.call(store, instance, other).await,
        }
    }

    async fn lifecycle(
        &self,
        store: &mut Store<CallState>,
        instance: &Instance,
        export: Export,
    ) -> Returned {
        let lifecycle = exported(&self.lifecycle)?.load(&mut *store, instance)?;
        let lifecycle = lifecycle.moothall_plugin_lifecycle();
        let returned = match export {
            Export::ConfigChanged { previous } => {
                lifecycle.call_config_changed(store, &previous).await?
            }
            Export::Upgraded { from_version } => {
                lifecycle.call_upgraded(store, &from_version).await?
            }
            Export::Shutdown => lifecycle.call_close(store).await?,
            _ => lifecycle.call_initialize(store).await?,
        };
        Ok(returned.map(nothing))
    }

    async fn processes(
        &self,
        store: &mut Store<CallState>,
        instance: &Instance,
        export: Export,
    ) -> Returned {
        let processes = exported(&self.processes)?.load(&mut *store, instance)?;
        let processes = processes.moothall_plugin_processes();
        match export {
            Export::Start { process, parameters } => {
                Ok(processes.call_start(store, &process, &parameters).await?.map(nothing))
            }
            Export::Update { process } => {
                Ok(processes.call_update(store, &process).await?.map(nothing))
            }
            Export::Close { process } => {
                Ok(processes.call_close(store, &process).await?.map(nothing))
            }
            Export::ReceiveWebhook { process, request } => {
                let request = web_types::incoming(&request);
                let returned = processes.call_receive_webhook(store, &process, &request).await?;
                Ok(returned.map(response))
            }
            other => Err(wasmtime::Error::msg(format!("{other:?} is no function of a process"))),
        }
    }

    async fn oauth(
        &self,
        store: &mut Store<CallState>,
        instance: &Instance,
        export: Export,
    ) -> Returned {
        let oauth = exported(&self.oauth)?.load(&mut *store, instance)?;
        let oauth = oauth.moothall_plugin_oauth();
        let returned = match export {
            Export::AuthorizeUrl { request } => oauth.call_authorize_url(store, &request).await?,
            Export::HandleCallback { callback } => {
                oauth.call_handle_callback(store, &callback).await?
            }
            other => return Err(wasmtime::Error::msg(format!("{other:?} is not of OAuth"))),
        };
        Ok(returned.map(|text| Output::Text(Some(text))))
    }
}

fn nothing((): ()) -> Output {
    Output::Nothing
}

fn response(response: Option<imports::WebResponse>) -> Output {
    Output::Response(response.map(web_types::response))
}

/// The loader has checked that what the manifest names is exported.
fn exported<T>(indices: &Option<T>) -> wasmtime::Result<&T> {
    indices
        .as_ref()
        .ok_or_else(|| wasmtime::Error::msg("the component does not export this interface"))
}
