//! Platforms that wait for the first response to a platform-wide webhook. The background task tries its items, one of each
//! receiver at a time and fairly, as it tries all others, and says here what came of each. Nothing here is durable: a
//! platform that gets no response in time gets an empty answer, and the items are tried all the same.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot::Sender;

use moothall_core::web::Response;

/// By the rows of their webhooks.
#[derive(Debug, Default)]
pub struct WaitingPlatforms {
    webhooks: Mutex<HashMap<i64, Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    /// Items that have not been tried.
    untried: usize,
    sender: Sender<Option<Response>>,
}

impl WaitingPlatforms {
    /// A platform waits for the first response among so many items. To be said before anybody can see the items.
    pub fn begin(&self, webhook: i64, items: usize, sender: Sender<Option<Response>>) {
        let mut webhooks = self.webhooks();
        // Those whose platform waits no more, or whose items were never stored.
        webhooks.retain(|_, waiting| !waiting.sender.is_closed());
        webhooks.insert(webhook, Waiting { untried: items, sender });
    }

    /// The webhook has so many items more. To be said before anybody can see them.
    pub fn add(&self, webhook: i64, items: usize) {
        if let Some(waiting) = self.webhooks().get_mut(&webhook) {
            waiting.untried += items;
        }
    }

    /// An item was tried. The first response is the answer; without any, the last item ends the wait.
    pub fn tried(&self, webhook: i64, response: Option<Response>) {
        let mut webhooks = self.webhooks();
        let Some(waiting) = webhooks.get_mut(&webhook) else { return };
        waiting.untried = waiting.untried.saturating_sub(1);
        if (response.is_some() || waiting.untried == 0)
            && let Some(waiting) = webhooks.remove(&webhook)
        {
            // The platform may be gone.
            drop(waiting.sender.send(response));
        }
    }

    fn webhooks(&self) -> MutexGuard<'_, HashMap<i64, Waiting>> {
        self.webhooks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot::{channel, error::TryRecvError};

    use super::*;

    fn response(status: u16) -> Option<Response> {
        Some(Response { status, headers: Vec::new(), body: Vec::new() })
    }

    #[test]
    fn the_first_response_is_the_answer() {
        let platforms = WaitingPlatforms::default();
        let (sender, mut first) = channel();
        platforms.begin(7, 3, sender);
        platforms.tried(7, None);
        platforms.tried(8, response(500));
        assert!(first.try_recv().is_err_and(|error| error == TryRecvError::Empty));
        platforms.tried(7, response(201));
        platforms.tried(7, response(202));
        assert_eq!(first.try_recv().expect("an answer").map(|one| one.status), Some(201));
    }

    #[test]
    fn without_a_response_the_last_item_ends_the_wait() {
        let platforms = WaitingPlatforms::default();
        let (sender, mut first) = channel();
        platforms.begin(7, 1, sender);
        platforms.add(7, 2);
        platforms.tried(7, None);
        platforms.tried(7, None);
        assert!(first.try_recv().is_err_and(|error| error == TryRecvError::Empty));
        platforms.tried(7, None);
        assert!(first.try_recv().expect("an answer").is_none());
    }

    #[test]
    fn a_platform_that_is_gone_is_forgotten() {
        let platforms = WaitingPlatforms::default();
        for webhook in [7, 8] {
            platforms.begin(webhook, 1, channel().0);
        }
        assert_eq!(platforms.webhooks().len(), 1);
    }
}
