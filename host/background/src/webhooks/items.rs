//! Items: one receiver of a stored request each. The host tries each first while the platform waits, and later in a
//! background task, as often as events of workers; then the item is a dead letter.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, timeout_at};

use super::{PlatformAnswer, Webhooks, receivers, response_of, webhook_types};
use moothall_core::effects::ProcessStatus;
use moothall_core::fair_share::FairShare;
use moothall_core::ids::{InstanceId, RequestId};
use moothall_core::retry::{PLUGIN_WORK, RetryPolicy, STORE_PAUSE, TRANSIENT_MS};
use moothall_core::web::{Request, Response};
use moothall_engine::calls::{CallError, Callee, ExtraWrite, Mode};
use moothall_engine::plugins::ProcessFunction;
use moothall_guest::exports::Receive;
use moothall_guest::{Fault, cut};
use moothall_store::{DueWebhooks, Found, StoreError, Tx, Waits, WebhookItem, WebhookReceiver};

/// When an item is tried again; after the last attempt it is a dead letter.
const RETRY: RetryPolicy = PLUGIN_WORK.ending();
/// Items that the background task tries at once.
const AT_ONCE: usize = 16;
/// Receivers that one poll reads; the next poll goes on after them.
const RECEIVERS_PER_POLL: usize = 512;
/// How often the store is asked for items that are due.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// The shortest time between two polls.
const POLL_PAUSE: Duration = Duration::from_millis(5);
/// Longest error that an item remembers, in bytes.
const ERROR_BYTES: usize = 500;

/// What the background task is trying.
struct ItemsUnderWay {
    trying: JoinSet<()>,
    /// The receiver that each task is about: one item of each at a time.
    busy: HashMap<Id, WebhookReceiver>,
    /// Items of each plugin that are being tried.
    fair_share: FairShare,
    /// Where the next poll goes on.
    after: WebhookReceiver,
}

/// Before every receiver.
const FIRST: WebhookReceiver = (InstanceId(0), None);

/// What came of one attempt.
enum Tried {
    Done(Option<Response>),
    /// Its process is completed, or its instance is gone.
    Gone,
    Failed(CallError),
}

/// How long items wait to be tried again; the first attempt, while the platform waits, takes `first_ms` at most.
pub fn waits(first_ms: i64) -> Waits {
    Waits {
        untried_ms: first_ms.max(TRANSIENT_MS),
        after_ms: RETRY.longest_waits_ms(),
        asked_ms: 0,
    }
}

impl Webhooks {
    /// Tries the items in order while the platform waits. An item that is being tried when the answer is sent goes on;
    /// those that have not begun are left to the background task.
    pub(super) async fn hand_on(
        &self,
        answer: PlatformAnswer,
        items: Vec<WebhookItem>,
        request: Arc<Request>,
        request_id: RequestId,
    ) {
        let PlatformAnswer { first, by, sender } = answer;
        let (mut response, mut items) = (first, items.into_iter());
        let mut going_on = None;
        while Instant::now() < by {
            let Some(item) = items.next() else { break };
            let (request, id) = (request.clone(), request_id.clone());
            let mut trying = Box::pin(async move { self.try_item(&item, request, id).await });
            match timeout_at(by, &mut trying).await {
                Ok(one) => response = response.or(one),
                Err(_) => going_on = Some(trying),
            }
        }
        // The client may be gone: the items are stored, and are tried all the same.
        drop(sender.send(Ok(response)));
        self.release(items.as_slice()).await;
        if let Some(trying) = going_on {
            trying.await;
        }
    }

    /// Leaves the items to the background task.
    async fn release(&self, items: &[WebhookItem]) {
        if items.is_empty() {
            return;
        }
        let ids: Vec<i64> = items.iter().map(|item| item.id).collect();
        let now = self.context.clock.now_ms();
        let write = move |tx: &Tx<'_>| tx.release_webhook_items(&ids, now);
        if let Err(error) = self.context.store.write("webhook.release", write).await {
            tracing::warn!(%error, "items of webhooks that were not tried yet wait until they are due");
        }
    }

    /// Tries an item, and stores what came of it.
    async fn try_item(
        &self,
        item: &WebhookItem,
        request: Arc<Request>,
        request_id: RequestId,
    ) -> Option<Response> {
        let tried = match self.attempt(item, request, request_id).await {
            Ok(tried) => tried,
            Err(error) => Tried::Failed(error),
        };
        match tried {
            Tried::Done(response) => response,
            Tried::Gone => {
                let gone = item.clone();
                let remove = move |tx: &Tx<'_>| tx.remove_webhook_item(&gone).map(drop);
                self.note(self.context.store.write("webhook.drop", remove).await).await;
                None
            }
            // Another attempt has handled the item, or the instance was replaced: then the item is still due.
            Tried::Failed(CallError::Fault(Fault::InstanceReplaced, _)) => None,
            Tried::Failed(error) => {
                self.failed(item, &error).await;
                None
            }
        }
    }

    async fn attempt(
        &self,
        item: &WebhookItem,
        request: Arc<Request>,
        request_id: RequestId,
    ) -> Result<Tried, CallError> {
        let Some(instance) = self.context.communities.instance(item.instance) else {
            let community = self.context.store.read(|reader| reader.community_of(item.instance))?;
            return match community {
                None => Ok(Tried::Gone),
                Some(_) => Err(Fault::Overloaded("the instance is just being made").into()),
            };
        };
        let plugin = self.calls.plugin_of(&instance)?;
        let ended = item.clone();
        let Some(process) = item.process else {
            let (types, id, now) =
                (webhook_types(&plugin), instance.id, self.context.clock.now_ms());
            let (bounds, waiting) = (self.bounds, self.waiting.clone());
            let also: ExtraWrite = Box::new(move |tx| {
                let receivers = receivers(tx, id, &types)?;
                let items = tx.add_webhook_items(ended.webhook, &receivers, now)?;
                tx.require_webhook_room(id, bounds)?;
                tx.end_webhook_item(&ended)?;
                waiting.add(ended.webhook, &items);
                Ok(())
            });
            if !plugin.exports("webhooks") {
                self.context.store.write("webhook.hand_on", also).await?;
                return Ok(Tried::Done(None));
            }
            let call = self.calls.on(plugin, instance, Receive(request), request_id).await?;
            let answer = self.calls.run(call, Mode::With(also)).await?;
            return Ok(Tried::Done(response_of(answer.output)));
        };
        let row = self.context.store.read(|reader| reader.process_by_id(process))?;
        let Some(row) = row.filter(|row| row.status != ProcessStatus::Completed) else {
            return Ok(Tried::Gone);
        };
        let kind = plugin.processes.get(&row.name).cloned();
        let Some(kind) = kind.filter(|kind| kind.has(ProcessFunction::ReceiveWebhook)) else {
            return Ok(Tried::Gone);
        };
        let receive = Callee::process_webhook(kind, request);
        let call = self.calls.on(plugin, instance, receive, request_id).await?;
        let call = call.about(Arc::new(row.reference()));
        let also: ExtraWrite = Box::new(move |tx| tx.end_webhook_item(&ended));
        let answer = self.calls.run(call, Mode::With(also)).await?;
        Ok(Tried::Done(response_of(answer.output)))
    }

    async fn failed(&self, item: &WebhookItem, error: &CallError) {
        let now = self.context.clock.now_ms();
        let (attempts, due) = if error.is_transient() {
            (item.attempts, Some(now + TRANSIENT_MS))
        } else {
            let attempts = item.attempts.saturating_add(1);
            (attempts, RETRY.retry_ms(attempts, 0).map(|wait| now + wait))
        };
        let said = cut(error.to_string(), ERROR_BYTES);
        if due.is_none() {
            tracing::error!(
                item = item.id,
                instance = item.instance.0,
                "a webhook is a dead letter: {said}"
            );
        }
        let id = item.id;
        let fail = move |tx: &Tx<'_>| tx.fail_webhook_item(id, attempts, due, now, &said);
        self.note(self.context.store.write("webhook.fail", fail).await).await;
    }

    /// An item whose outcome could not be stored is still due: its task pauses, so that the item is not tried again at
    /// once.
    async fn note(&self, written: Result<(), StoreError>) {
        if let Err(error) = written {
            tracing::warn!(%error, "a webhook's item could not be settled; it is tried again");
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }

    /// Tries the items that are due. Never ends.
    pub async fn work(self) {
        let mut work = ItemsUnderWay {
            trying: JoinSet::new(),
            busy: HashMap::new(),
            fair_share: FairShare::of(AT_ONCE),
            after: FIRST,
        };
        let (mut poll_at, mut earliest) = (Instant::now(), Instant::now());
        loop {
            tokio::select! {
                Some(ended) = work.trying.join_next_with_id() => {
                    work.ended(ended);
                    poll_at = earliest;
                }
                () = self.context.store.signals().webhooks.notified() => poll_at = earliest,
                () = tokio::time::sleep_until(poll_at), if work.trying.len() < AT_ONCE => {
                    let more = self.poll(&mut work);
                    earliest = Instant::now() + POLL_PAUSE;
                    poll_at = if more { earliest } else { Instant::now() + POLL_INTERVAL };
                }
            }
        }
    }

    /// Begins to try the items that are due, one of each receiver, as far as there is room for them and for their plugins.
    /// Whether there may be more.
    fn poll(&self, work: &mut ItemsUnderWay) -> bool {
        if !self.context.store.health().can_write() {
            // What came of an attempt could not be stored.
            return false;
        }
        let now = self.context.clock.now_ms();
        let due = self.context.store.read(|r| r.due_webhooks(work.after, now, RECEIVERS_PER_POLL));
        let DueWebhooks { found: due, unreadable, next } = due.unwrap_or_else(|error| {
            tracing::warn!(%error, "webhooks that wait cannot be read");
            DueWebhooks::default()
        });
        if !unreadable.is_empty() {
            self.bury(work, unreadable);
        }
        let taken: HashSet<WebhookReceiver> = work.busy.values().copied().collect();
        for item in due.into_iter().filter(|item| !taken.contains(&item.receiver())) {
            if work.trying.len() >= AT_ONCE {
                // The next poll begins with this receiver.
                return true;
            }
            work.after = item.receiver();
            let instance = self.context.communities.instance(item.instance);
            let permit = instance.map(|instance| work.fair_share.take(&instance.plugin));
            if let Some(None) = permit {
                continue;
            }
            let (receiver, this) = (item.receiver(), self.clone());
            let task = work.trying.spawn(async move {
                let _permit = permit;
                this.try_guarded(item).await;
            });
            work.busy.insert(task.id(), receiver);
        }
        work.after = next.unwrap_or(FIRST);
        next.is_some()
    }

    /// Makes dead letters of items that cannot be read, so that they hold up no others.
    fn bury(&self, work: &mut ItemsUnderWay, items: Vec<i64>) {
        if work.busy.values().any(|busy| *busy == FIRST) {
            return;
        }
        let this = self.clone();
        let task = work.trying.spawn(async move { this.buried(items).await });
        work.busy.insert(task.id(), FIRST);
    }

    /// Tries an item; a panic counts as a failure of its plugin.
    async fn try_guarded(self, item: WebhookItem) {
        let tried = AssertUnwindSafe(self.clone().try_again(item.clone())).catch_unwind().await;
        if tried.is_err() {
            tracing::error!(item = item.id, "the attempt at a webhook's item panicked");
            let error = Fault::Host("the attempt panicked; see the log".into());
            self.failed(&item, &error.into()).await;
        }
    }

    async fn try_again(self, item: WebhookItem) {
        match self.context.store.read(|reader| reader.webhook(item.webhook)) {
            Ok(Found::Row((request, spoken))) => {
                let request_id = RequestId::parse(&spoken)
                    .unwrap_or_else(|_| RequestId::new(&self.context.clock));
                let response = self.try_item(&item, Arc::new(request), request_id).await;
                self.waiting.tried(&item, response);
            }
            Ok(Found::Nothing) => {}
            Ok(Found::Unreadable) => self.buried(vec![item.id]).await,
            // The item is still due.
            Err(error) => self.note(Err(error)).await,
        }
    }

    async fn buried(&self, items: Vec<i64>) {
        let now = self.context.clock.now_ms();
        let bury = move |tx: &Tx<'_>| tx.bury_webhook_items(&items, now);
        self.note(self.context.store.write("webhook.bury", bury).await).await;
    }
}

impl ItemsUnderWay {
    fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        match ended {
            Ok((task, ())) => drop(self.busy.remove(&task)),
            Err(error) => {
                self.busy.remove(&error.id());
                tracing::error!(%error, "the task of a webhook's item panicked; the item is tried again");
            }
        }
    }
}
