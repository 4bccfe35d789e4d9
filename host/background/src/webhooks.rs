//! Incoming webhooks: verified, received, handed to the pending processes.
//!
//! The receiver's call commits together with one durable item for each pending process. Each item is a call whose commit
//! removes it. A background task calls again for the items that a crash or a failure leaves. Knows nothing of HTTP but
//! the messages themselves.

mod checks;
mod coding;
mod handshakes;
mod items;
mod routing;
pub mod verify;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use moothall_core::day_budget::ROW_BYTES;
use moothall_core::ids::{InstanceId, RequestId};
use moothall_core::instance::Instance;
use moothall_core::web::{Request, Response, Target};
use moothall_engine::calls::{CallError, Calls, DAY_USED_UP, ExtraWrite, Mode, ValidatedCall};
use moothall_engine::context::Context;
use moothall_engine::plugins::{Plugin, ProcessFunction};
use moothall_guest::exports::{Receive, ReceiveGlobal};
use moothall_guest::{Fault, Output, PluginContext};
use moothall_store::{
    NO_WEBHOOK_ROOM, StoreError, Tx, WebhookBounds, WebhookItem, WebhookReceiver,
};

pub use coding::Room;
pub use handshakes::HandshakeReply;
pub use items::waits;
use routing::TARGETS;
use verify::Rejection;
use waiting::WaitingPlatforms;

/// Receives webhooks.
#[derive(Clone)]
pub struct Webhooks {
    pub calls: Arc<Calls>,
    pub context: Arc<Context>,
    /// How many items, with how many bytes, may wait for each instance.
    pub bounds: WebhookBounds,
    /// How long an answer waits for pending processes, and a platform-wide one for instances.
    pub answer: Duration,
    waiting: Arc<WaitingPlatforms>,
}

/// Why a webhook was not received.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// Nothing answers at that URL; the sender does not learn why.
    #[error("There is no webhook receiver at this URL")]
    NotFound,
    #[error("The request's signature is not accepted: {0}")]
    Rejected(Rejection),
    /// The signing secret is not configured.
    #[error("The secret that webhooks of plugin '{0}' are checked with is not set")]
    NoSecret(String),
    /// The secret was stored when another version of the host or of the plugin accepted it.
    #[error("The secret that webhooks of plugin '{0}' are checked with cannot be used: {1}")]
    UnusableSecret(String, String),
    #[error("The handshake is refused: {0}")]
    Handshake(&'static str),
    #[error("The request's body has more than {0} bytes once it is decoded")]
    TooLarge(usize),
    #[error("The host holds as many large request bodies as it may")]
    NoRoom,
    #[error(
        "The body's Content-Encoding `{0}` is not understood; send it as `gzip`, `deflate` or plain"
    )]
    Coding(String),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<Fault> for WebhookError {
    fn from(fault: Fault) -> Self {
        Self::Call(fault.into())
    }
}

impl From<StoreError> for WebhookError {
    fn from(error: StoreError) -> Self {
        Fault::from(error).into()
    }
}

/// Where a webhook came in.
pub struct Address<'a> {
    pub community: &'a str,
    pub plugin: &'a str,
    pub platform_id: Option<&'a str>,
    /// The last part of the URL, if it has one more.
    pub slug: Option<&'a str>,
}

/// The receiver at a URL; the sender of the request is not verified yet.
pub struct Found<T> {
    plugin: Arc<Plugin>,
    of: T,
}

/// A receiver of a request whose sender is verified.
pub struct Accepted<T>(Found<T>);

type Received = Result<Option<Response>, WebhookError>;

/// The answer for which a platform waits.
struct PlatformAnswer {
    /// The receiver's response.
    first: Option<Response>,
    /// When it is sent at the latest.
    by: Instant,
    sender: oneshot::Sender<Received>,
}

impl Webhooks {
    pub fn new(
        calls: Arc<Calls>,
        context: Arc<Context>,
        bounds: WebhookBounds,
        answer: Duration,
    ) -> Self {
        Self { calls, context, bounds, answer, waiting: Arc::default() }
    }

    /// The receiver at a URL. Whatever is wrong with the URL, the error is the same, so that nobody learns which
    /// communities, instances and slugs there are. Only a plugin that does not serve now has an error of its own, the
    /// same for every community.
    pub fn find(&self, address: &Address<'_>) -> Result<Found<Arc<Instance>>, WebhookError> {
        let plugin = self.calls.serving(address.plugin).map_err(nowhere)?;
        let community = self.calls.community(address.community).map_err(nowhere)?;
        let instance = self.calls.instance(&community, &plugin, address.platform_id);
        let instance = instance.map_err(nowhere)?;
        self.check_slug(&plugin, &instance, address.slug)?;
        Ok(Found { plugin, of: instance })
    }

    /// The same at the platform-wide URL of a plugin.
    pub fn find_global(&self, plugin: &str) -> Result<Found<()>, WebhookError> {
        let plugin = self.calls.serving(plugin).map_err(nowhere)?;
        if !plugin.exports("global-webhooks") {
            return Err(WebhookError::NotFound);
        }
        Ok(Found { plugin, of: () })
    }

    /// Checks that the request is signed as the plugin's manifest says. Returns it with a plain body.
    pub fn accept(
        &self,
        found: Found<Arc<Instance>>,
        request: Arc<Request>,
        room: &Room<'_>,
    ) -> Result<(Accepted<Arc<Instance>>, Arc<Request>), WebhookError> {
        let request = self.check(&found.plugin, &found.of, request, room)?;
        Ok((Accepted(found), request))
    }

    /// The same for a platform-wide request.
    pub fn accept_global(
        &self,
        found: Found<()>,
        request: Arc<Request>,
        room: &Room<'_>,
    ) -> Result<(Accepted<()>, Arc<Request>), WebhookError> {
        let request = self.check_global(&found.plugin, request, room)?;
        Ok((Accepted(found), request))
    }

    /// Receives a webhook of one instance; returns the answer to the platform.
    pub async fn receive(
        &self,
        accepted: Accepted<Arc<Instance>>,
        request: Arc<Request>,
        request_id: RequestId,
    ) -> Received {
        let Accepted(Found { plugin, of: instance }) = accepted;
        let types = webhook_types(&plugin);
        let (id, bounds) = (instance.id, self.bounds);
        if types.is_empty() || !self.context.store.read(|reader| reader.has_pending(id))? {
            if !plugin.exports("webhooks") {
                return if types.is_empty() { Err(WebhookError::NotFound) } else { Ok(None) };
            }
            let call = self.calls.on(plugin, instance, Receive(request), request_id).await?;
            let answer = self.calls.run(call, Mode::Commit).await?;
            return Ok(response_of(answer.output));
        }
        if !self.context.store.read(|reader| reader.has_webhook_room(id, bounds))? {
            return Err(StoreError::NoRoom(NO_WEBHOOK_ROOM).into());
        }
        self.receive_and_hand_on(plugin, instance, types, request, request_id).await
    }

    /// Calls the receiver, then the processes; the answer waits for them for `answer` at most. Goes on when the client goes
    /// away.
    async fn receive_and_hand_on(
        &self,
        plugin: Arc<Plugin>,
        instance: Arc<Instance>,
        types: Vec<String>,
        request: Arc<Request>,
        request_id: RequestId,
    ) -> Received {
        let this = self.clone();
        let (sender, received) = oneshot::channel();
        #[expect(
            clippy::disallowed_methods,
            reason = "a webhook outlives its client; whoever waits for it sees a panic"
        )]
        tokio::spawn(async move {
            let by = Instant::now() + this.answer;
            match this.received(&plugin, &instance, types, &request, &request_id).await {
                Ok((first, items)) => {
                    let answer = PlatformAnswer { first, by, sender };
                    this.hand_on(answer, items, request, request_id).await;
                }
                // The client may be gone.
                Err(error) => drop(sender.send(Err(error))),
            }
        });
        received.await.unwrap_or_else(|_| {
            tracing::error!("a webhook's task ended without an answer");
            Err(Fault::Host("the request ended unexpectedly; see the log".into()).into())
        })
    }

    /// The receiver's call, committed with an item for each pending process.
    async fn received(
        &self,
        plugin: &Arc<Plugin>,
        instance: &Arc<Instance>,
        types: Vec<String>,
        request: &Arc<Request>,
        request_id: &RequestId,
    ) -> Result<(Option<Response>, Vec<WebhookItem>), WebhookError> {
        let now = self.context.clock.now_ms();
        let wall = Duration::from_millis(plugin.context.limits.wall_ms);
        let first_try = wall.saturating_add(self.answer).as_millis();
        // The background task leaves the items alone while the platform waits and the last of them may still run.
        let due = now.saturating_add(i64::try_from(first_try).unwrap_or(i64::MAX));
        let (id, content, spoken) = (instance.id, request.clone(), request_id.to_string());
        let (context, bounds) = (plugin.context.clone(), self.bounds);
        let add: ExtraWrite<Vec<WebhookItem>> = Box::new(move |tx| {
            let receivers = receivers(tx, id, &types)?;
            let added = tx.add_webhook(&content, &spoken, &receivers, now, due)?;
            if !added.is_empty() {
                tx.require_webhook_room(id, bounds)?;
                charge(&context, content.bytes() + ROW_BYTES * added.len() as u64, now)?;
            }
            Ok(added)
        });
        if !plugin.exports("webhooks") {
            let (id, generation) = (instance.id, instance.generation);
            let (store, bytes) = (&self.context.store, request.body.len());
            let add =
                move |tx: &Tx<'_>| tx.require_generation(id, generation).and_then(|()| add(tx));
            return Ok((None, store.write_of("webhook.receive", bytes, add, None).await?));
        }
        let (plugin, instance) = (plugin.clone(), instance.clone());
        let receive = Receive(request.clone());
        let call = self.calls.on(plugin, instance, receive, request_id.clone()).await?;
        let answer = self.calls.run_making(call, Mode::With(add)).await?;
        let without = || Fault::Host("a webhook was received without its items".into());
        Ok((response_of(answer.output), answer.made.ok_or_else(without)?))
    }

    /// Receives a platform-wide webhook: the plugin says which instances it is for, and each of them gets it at least
    /// once. If the plugin gives no response, the platform waits for the first that they give.
    pub async fn receive_global(
        &self,
        accepted: Accepted<()>,
        request: Arc<Request>,
        request_id: RequestId,
    ) -> Received {
        let (plugin, by) = (accepted.0.plugin, Instant::now() + self.answer);
        let receive = ReceiveGlobal(request.clone());
        let judge = plugin.clone();
        let call = ValidatedCall::of_plugin(plugin.clone(), receive, request_id.clone())
            .judged_by(move |output| routing::check(&judge.manifest, output));
        let answer = self.calls.run(call, Mode::Commit).await?;
        let Output::Routed(routed) = answer.output else { return Ok(None) };
        let receivers = self.routed(&plugin, &routed.targets)?;
        if receivers.is_empty() {
            return Ok(routed.response);
        }
        let (sender, first) = oneshot::channel();
        let waits = routed.response.is_none().then_some(sender);
        self.add_for(&plugin, request, request_id, receivers, waits).await?;
        match routed.response {
            Some(response) => Ok(Some(response)),
            // The time may be up; the items are tried all the same.
            None => Ok(timeout_at(by, first).await.ok().and_then(Result::ok).flatten()),
        }
    }

    /// The instances that a plugin names, each once.
    fn routed(
        &self,
        plugin: &Plugin,
        targets: &[Target],
    ) -> Result<Vec<WebhookReceiver>, WebhookError> {
        let (digest_id, keys) = (plugin.digest_id, &plugin.manifest.route_keys);
        let mut receivers = Vec::new();
        for target in targets {
            let found = self.context.communities.routed(&plugin.name, digest_id, keys, target);
            receivers.extend(found.iter().map(|instance| (instance.id, None)));
        }
        receivers.sort_unstable();
        receivers.dedup();
        if receivers.len() > TARGETS {
            let message = format!("a platform-wide webhook for more than {TARGETS} instances");
            return Err(Fault::Limit(message).into());
        }
        Ok(receivers)
    }

    /// Stores an item for each of these instances, which the background task tries.
    async fn add_for(
        &self,
        plugin: &Plugin,
        request: Arc<Request>,
        request_id: RequestId,
        receivers: Vec<WebhookReceiver>,
        waits: Option<oneshot::Sender<Option<Response>>>,
    ) -> Result<(), StoreError> {
        let (now, bounds) = (self.context.clock.now_ms(), self.bounds);
        let bytes = request.bytes() + ROW_BYTES * receivers.len() as u64;
        let held = request.body.len();
        let (context, waiting) = (plugin.context.clone(), self.waiting.clone());
        let add = move |tx: &Tx<'_>| {
            let receivers = tx.with_webhook_room(&receivers, bounds)?;
            let items = tx.add_webhook(&request, request_id.as_str(), &receivers, now, now)?;
            charge(&context, bytes, now)?;
            if let (Some(sender), Some(item)) = (waits, items.first()) {
                waiting.begin(item.webhook, &items, sender);
            }
            Ok(())
        };
        self.context.store.write_of("webhook.route", held, add, None).await
    }
}

/// The error for a URL at which there is no receiver.
fn nowhere(error: CallError) -> WebhookError {
    match error {
        CallError::PluginUnavailable(..) => error.into(),
        _ => WebhookError::NotFound,
    }
}

/// Adds what is stored to what the plugin stored today, as the last step of the write: it stays counted even if the
/// commit fails.
fn charge(context: &PluginContext, bytes: u64, now: i64) -> Result<(), StoreError> {
    let charge = context.charge(now, bytes).map_err(|_| StoreError::NoRoom(DAY_USED_UP))?;
    charge.keep();
    Ok(())
}

/// The types of a plugin's processes that receive webhooks.
fn webhook_types(plugin: &Plugin) -> Vec<String> {
    let receives = plugin.processes.values().filter(|one| one.has(ProcessFunction::ReceiveWebhook));
    receives.map(|one| one.name.to_string()).collect()
}

fn receivers(
    tx: &Tx<'_>,
    instance: InstanceId,
    types: &[String],
) -> Result<Vec<WebhookReceiver>, StoreError> {
    let pending = tx.pending_processes(instance, types)?;
    Ok(pending.into_iter().map(|process| (instance, Some(process))).collect())
}

fn response_of(output: Output) -> Option<Response> {
    match output {
        Output::Response(response) => response,
        _ => None,
    }
}
