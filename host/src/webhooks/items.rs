//! Items: one receiver of a stored request each. First tried while the platform waits, later by a task of
//! the background, on the workers' schedule; then a dead letter.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

use super::{Webhooks, receivers, response_of, webhook_types};
use crate::calls::{Also, CallError, Mode, What};
use crate::effects::ProcessStatus;
use crate::guest::{Fault, cut};
use crate::ids::RequestId;
use crate::plugins::ProcessFunction;
use crate::store::{StoreError, Tx, WebhookItem};
use crate::web::{Request, Response};

/// Between the tries of an item, in milliseconds; after the last it is a dead letter.
const RETRY_MS: [i64; 8] =
    [1_000, 5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 7_200_000];
/// An item that found no room is tried again after this, in milliseconds.
const BUSY_MS: i64 = 1_000;
/// Items that the background tries at once.
const AT_ONCE: usize = 16;
/// Items that the background reads at once.
const BATCH: usize = 256;
/// How often the background looks at the clock.
const LOOK: Duration = Duration::from_millis(50);
/// After a failure of the store, until what could not be settled is tried again.
const UNSETTLED_PAUSE: Duration = Duration::from_secs(1);
/// Longest error that an item remembers, in bytes.
const ERROR_BYTES: usize = 500;

/// What became of a try.
enum Tried {
    Done(Option<Response>),
    /// It stands for nothing any more: its process is completed, its instance is gone.
    Gone,
    Failed(CallError),
}

impl Webhooks {
    /// The first try, while the platform waits, at most until `end`.
    pub(super) async fn first_try(
        &self,
        item: &WebhookItem,
        request: Arc<Request>,
        request_id: &RequestId,
        end: Instant,
    ) -> Option<Response> {
        let tried = self.work_off(item, request, request_id.clone());
        // One that takes longer goes on as a call of its own, and settles itself.
        tokio::time::timeout_at(end, tried).await.ok().flatten()
    }

    /// Tries an item and settles it.
    async fn work_off(
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
                self.note(self.calls.store.write("webhook.drop", remove).await).await;
                None
            }
            // Somebody else has done it.
            Tried::Failed(CallError::Fault(Fault::InstanceReplaced)) => None,
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
        let Some(instance) = self.calls.communities.instance(item.instance) else {
            let community = self.calls.store.read(|reader| reader.community_of(item.instance))?;
            return match community {
                None => Ok(Tried::Gone),
                Some(_) => Err(Fault::Overloaded("the instance is just being made").into()),
            };
        };
        let plugin = self.calls.plugin_of(&instance)?;
        let ended = item.clone();
        let Some(process) = item.process else {
            let (types, id, now) = (webhook_types(&plugin), instance.id, self.calls.clock.now_ms());
            let also: Also = Box::new(move |tx| {
                let receivers = receivers(tx, id, &types)?;
                tx.add_webhook_items(ended.webhook, &receivers, now)?;
                tx.end_webhook_item(&ended)
            });
            if !plugin.exports("webhooks") {
                self.calls.store.write("webhook.hand_on", also).await?;
                return Ok(Tried::Done(None));
            }
            let call = self.calls.on(plugin, instance, What::Receive(request), request_id).await?;
            let answer = self.calls.run(call, Mode::With(also)).await?;
            return Ok(Tried::Done(response_of(answer.output)));
        };
        let row = self.calls.store.read(|reader| reader.process_by_id(process))?;
        let Some(row) = row.filter(|row| row.status != ProcessStatus::Completed) else {
            return Ok(Tried::Gone);
        };
        let kind = plugin.processes.get(&row.name).cloned();
        let Some(kind) = kind.filter(|kind| kind.has(ProcessFunction::ReceiveWebhook)) else {
            return Ok(Tried::Gone);
        };
        let what = What::ReceiveWebhook { kind, request };
        let call = self.calls.on(plugin, instance, what, request_id).await?;
        let call = call.about(Arc::new(row.reference()));
        let also: Also = Box::new(move |tx| tx.end_webhook_item(&ended));
        let answer = self.calls.run(call, Mode::With(also)).await?;
        Ok(Tried::Done(response_of(answer.output)))
    }

    async fn failed(&self, item: &WebhookItem, error: &CallError) {
        let now = self.calls.clock.now_ms();
        let nobodys = matches!(
            error,
            CallError::Fault(
                Fault::InstanceBusy | Fault::Overloaded(_) | Fault::Store(_) | Fault::Unsettled
            ) | CallError::PluginUnavailable(_)
        );
        let (attempts, due) = if nobodys {
            (item.attempts, Some(now + BUSY_MS))
        } else {
            let wait = RETRY_MS.get(item.attempts as usize);
            (item.attempts.saturating_add(1), wait.map(|wait| now + wait))
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
        self.note(self.calls.store.write("webhook.fail", fail).await).await;
    }

    /// One that could not be settled is still due: it keeps its turn for a while, so that it is not tried
    /// again at once, and again.
    async fn note(&self, written: Result<(), StoreError>) {
        if let Err(error) = written {
            tracing::warn!(%error, "a webhook's item could not be settled; it is tried again");
            tokio::time::sleep(UNSETTLED_PAUSE).await;
        }
    }

    /// Works off what is due and not waited for by a platform. Never ends.
    pub async fn work(self) {
        let mut trying: JoinSet<()> = JoinSet::new();
        let mut busy: HashMap<Id, WebhookItem> = HashMap::new();
        loop {
            let room = AT_ONCE.saturating_sub(trying.len());
            // What a try comes to could not be stored.
            let due = if room > 0 && self.calls.store.health().writes() {
                self.due(&busy, room)
            } else {
                Vec::new()
            };
            for item in due.into_iter().take(room) {
                let task = trying.spawn(self.clone().try_guarded(item.clone()));
                busy.insert(task.id(), item);
            }
            tokio::select! {
                Some(ended) = trying.join_next_with_id() => match ended {
                    Ok((task, ())) => drop(busy.remove(&task)),
                    Err(error) => {
                        busy.remove(&error.id());
                        tracing::error!(%error, "a webhook's task ended; it is tried again");
                    }
                },
                () = self.calls.store.signals().webhooks.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// One for each receiver that has none under way, in order.
    fn due(&self, busy: &HashMap<Id, WebhookItem>, room: usize) -> Vec<WebhookItem> {
        let now = self.calls.clock.now_ms();
        let limit = BATCH.max(room) + busy.len();
        let due = self.calls.store.read(|reader| reader.due_webhooks(now, limit));
        let mut due = due.unwrap_or_else(|error| {
            tracing::warn!(%error, "webhooks that wait cannot be read");
            Vec::new()
        });
        let receiver = |item: &WebhookItem| (item.instance, item.process);
        let mut taken: HashSet<_> = busy.values().map(receiver).collect();
        due.retain(|item| taken.insert(receiver(item)));
        due
    }

    /// One that panics has failed, as one whose plugin did.
    async fn try_guarded(self, item: WebhookItem) {
        let tried = AssertUnwindSafe(self.clone().try_again(item.clone())).catch_unwind().await;
        if tried.is_err() {
            tracing::error!(item = item.id, "a webhook's try panicked");
            let error = Fault::Host("the try panicked; see the log".into());
            self.failed(&item, &error.into()).await;
        }
    }

    async fn try_again(self, item: WebhookItem) {
        match self.calls.store.read(|reader| reader.webhook(item.webhook)) {
            Ok(Some((request, spoken))) => {
                let request_id =
                    RequestId::parse(&spoken).unwrap_or_else(|_| RequestId::new(&self.calls.clock));
                self.work_off(&item, Arc::new(request), request_id).await;
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "a webhook that waits cannot be read"),
        }
    }
}
