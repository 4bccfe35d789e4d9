//! Platforms that wait for the first response to a platform-wide webhook. The background task tries its items, one of each
//! receiver at a time and fairly, as it tries all others, and says here what came of each. Nothing here is durable: a
//! platform that gets no response in time gets an empty answer, and the items are tried all the same.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot::Sender;

use moothall_core::web::Response;
use moothall_store::WebhookItem;

/// By the rows of their webhooks.
#[derive(Debug, Default)]
pub struct WaitingPlatforms {
    webhooks: Mutex<HashMap<i64, Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    /// The rows of items that have not been tried. One that is tried again later does not count twice.
    untried: HashSet<i64>,
    sender: Sender<Option<Response>>,
}

impl WaitingPlatforms {
    /// A platform waits for the first response among these items of a webhook. To be said before anybody can see the items.
    pub fn begin(&self, webhook: i64, items: &[WebhookItem], sender: Sender<Option<Response>>) {
        let mut webhooks = self.webhooks();
        // Those whose platform waits no more, or whose items were never stored.
        webhooks.retain(|_, waiting| !waiting.sender.is_closed());
        webhooks.insert(webhook, Waiting { untried: ids(items).collect(), sender });
    }

    /// The webhook has these items, too. To be said before anybody can see them.
    pub fn add(&self, webhook: i64, items: &[WebhookItem]) {
        if let Some(waiting) = self.webhooks().get_mut(&webhook) {
            waiting.untried.extend(ids(items));
        }
    }

    /// An item was tried. The first response is the answer; without any, the last item ends the wait.
    pub fn tried(&self, item: &WebhookItem, response: Option<Response>) {
        let mut webhooks = self.webhooks();
        let Some(waiting) = webhooks.get_mut(&item.webhook) else { return };
        waiting.untried.remove(&item.id);
        if (response.is_some() || waiting.untried.is_empty())
            && let Some(waiting) = webhooks.remove(&item.webhook)
        {
            // The platform may be gone.
            drop(waiting.sender.send(response));
        }
    }

    fn webhooks(&self) -> MutexGuard<'_, HashMap<i64, Waiting>> {
        self.webhooks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ids(items: &[WebhookItem]) -> impl Iterator<Item = i64> {
    items.iter().map(|item| item.id)
}

#[cfg(test)]
mod tests {
    use moothall_core::ids::InstanceId;
    use tokio::sync::oneshot::{channel, error::TryRecvError};

    use super::*;

    fn response(status: u16) -> Option<Response> {
        Some(Response { status, headers: Vec::new(), body: Vec::new() })
    }

    fn item(webhook: i64, id: i64) -> WebhookItem {
        let (instance, process) = (InstanceId(1), None);
        WebhookItem { id, webhook, instance, process, attempts: 0, due_at: 0, last_error: None }
    }

    fn items<const N: usize>(ids: [i64; N]) -> [WebhookItem; N] {
        ids.map(|id| item(7, id))
    }

    #[test]
    fn the_first_response_is_the_answer() {
        let platforms = WaitingPlatforms::default();
        let (sender, mut first) = channel();
        platforms.begin(7, &items([1, 2, 3]), sender);
        platforms.tried(&item(7, 1), None);
        platforms.tried(&item(8, 4), response(500));
        assert!(first.try_recv().is_err_and(|error| error == TryRecvError::Empty));
        platforms.tried(&item(7, 2), response(201));
        platforms.tried(&item(7, 3), response(202));
        assert_eq!(first.try_recv().expect("an answer").map(|one| one.status), Some(201));
    }

    #[test]
    fn without_a_response_the_last_item_ends_the_wait() {
        let platforms = WaitingPlatforms::default();
        let (sender, mut first) = channel();
        platforms.begin(7, &items([1]), sender);
        platforms.add(7, &items([2, 3]));
        // The second is tried again, as the host had no room for it.
        for id in [1, 2, 2] {
            platforms.tried(&item(7, id), None);
        }
        assert!(first.try_recv().is_err_and(|error| error == TryRecvError::Empty));
        platforms.tried(&item(7, 3), None);
        assert!(first.try_recv().expect("an answer").is_none());
    }

    #[test]
    fn a_platform_that_is_gone_is_forgotten() {
        let platforms = WaitingPlatforms::default();
        for webhook in [7, 8] {
            platforms.begin(webhook, &items([1]), channel().0);
        }
        assert_eq!(platforms.webhooks().len(), 1);
    }
}
