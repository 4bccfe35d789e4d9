//! Workers that have nothing to do: their cursors follow the log. And how far the others are behind, for `/metrics`.

use std::time::Duration;

use tokio::time::Instant;

use super::shared::{INSTANCES, Workers};
use super::under_way::WorkersUnderWay;
use moothall_core::telemetry::metric::WORKER_LAG;
use moothall_store::Tx;

/// How often the gauges are set, and cursors moved that nothing concerned.
const SETTLE: Duration = Duration::from_secs(10);

impl Workers {
    /// Moves the cursors of idle workers to the end of the log, and sets the gauges of those that are behind.
    pub(super) async fn settle_idle(&self, under_way: &mut WorkersUnderWay) {
        if under_way.settle_at > Instant::now() {
            return;
        }
        under_way.settle_at = Instant::now() + SETTLE;
        let communities = &self.context.communities;
        under_way.queue.forget_gone(|instance| communities.instance(instance).is_some());
        self.set_gauges(under_way);
        let (idle, tail) = (under_way.queue.idle(), under_way.queue.tail());
        for ids in idle.chunks(INSTANCES) {
            let ids = ids.to_vec();
            let pass = move |tx: &Tx<'_>| tx.pass_workers(&ids, tail);
            if let Err(error) = self.context.store.write("worker.pass", pass).await {
                tracing::debug!(%error, "cursors are moved later");
            }
        }
    }

    /// For each plugin and worker: how far the instance that is furthest behind is, in seconds.
    fn set_gauges(&self, under_way: &mut WorkersUnderWay) {
        let now = self.context.clock.now_ms();
        let mut caught_up = std::mem::take(&mut under_way.behind);
        for (name, since) in under_way.queue.oldest(&self.context) {
            let Some(lag_ms) = since.map(|since| now - since).filter(|lag_ms| *lag_ms > 0) else {
                continue;
            };
            set_lag(&name, lag_ms as f64 / 1000.0);
            caught_up.remove(&name);
            under_way.behind.insert(name);
        }
        caught_up.iter().for_each(|name| set_lag(name, 0.0));
    }
}

fn set_lag((plugin, worker): &(String, String), seconds: f64) {
    WORKER_LAG.set(&[("plugin", plugin), ("worker", worker)], seconds);
}
