//! One worker's batch, from its permit to its outcome: is there an instance, does its plugin serve, is the worker enabled;
//! then what is due again, then the log.

use std::sync::Arc;

use tokio::time::Instant;

use super::ready::{BatchOutcome, ReadyWorker};
use super::shared::Workers;
use moothall_core::fair_share::SharePermit;
use moothall_core::ids::WorkerId;
use moothall_core::pace::{Pace, Paces};
use moothall_core::retry::{RESTART, RetryPolicy};
use moothall_engine::calls::{CallError, Mode};
use moothall_engine::plugins::Away;
use moothall_guest::exports::{WorkerCall, WorkerInput};
use moothall_guest::{Fault, Output};
use moothall_store::{Asked, StoreError, Tx};

/// Waiting events that one write gives up.
const GIVE_UP: usize = 1_000;
/// When a worker is tried again whose plugin does not serve.
const ABSENT: RetryPolicy = RetryPolicy::doubling(30_000, 60_000);
/// The same where its plugin has as many batches under way as one may.
const NO_PERMIT: RetryPolicy = RetryPolicy::doubling(50, 3_200);

/// The right to run one batch, given back when it is dropped.
struct Permit {
    _permits: (SharePermit, Pace),
    /// Who gets to know how long the batch took.
    paces: Arc<Paces<WorkerId>>,
}

impl Workers {
    pub(super) async fn run_batch(self: Arc<Self>, worker: WorkerId) -> (WorkerId, BatchOutcome) {
        let outcome = match self.ready(worker) {
            Ok(Some(ready)) => match self.permit(&ready) {
                Some(permit) => {
                    let began = Instant::now();
                    let outcome = self.work_on(ready).await;
                    // A worker that had nothing to do says nothing about its pace.
                    if !matches!(outcome, Ok(BatchOutcome::Idle)) {
                        permit.paces.ended(&worker, began.elapsed());
                    }
                    outcome
                }
                None => Ok(BatchOutcome::BackOff { policy: NO_PERMIT, reason: String::new() }),
            },
            Ok(None) => Ok(BatchOutcome::Gone),
            Err(error) => Err(error),
        };
        let outcome = outcome.unwrap_or_else(|error| {
            let policy = match error {
                CallError::PluginUnavailable(..) => ABSENT,
                _ => RESTART,
            };
            BatchOutcome::BackOff { policy, reason: error.to_string() }
        });
        (worker, outcome)
    }

    /// None: its plugin, or the slow workers of it, have as many batches under way as they may.
    fn permit(&self, ready: &ReadyWorker) -> Option<Permit> {
        let (plugin, all) = (&ready.plugin.name, self.fair_share.most());
        let permit = self.fair_share.take(plugin)?;
        let paces = self.paces.pin();
        let paces = paces.get_or_insert_with(plugin.clone(), || Arc::new(Paces::of(all)));
        let pace = paces.try_begin(&ready.row.id)?;
        Some(Permit { _permits: (permit, pace), paces: paces.clone() })
    }

    /// None: there is no such worker any more.
    fn ready(&self, id: WorkerId) -> Result<Option<ReadyWorker>, CallError> {
        let row = self.context.store.read(|reader| reader.worker(id))?;
        let Some(row) = row.filter(|row| !row.is_retired()) else { return Ok(None) };
        // The row is retired with its instance: one that is not there is not there yet.
        let instance = self.context.communities.instance(row.instance);
        let instance = instance.ok_or(Fault::Overloaded("the instance is just being made"))?;
        let plugin = self.calls.plugin_of(&instance)?;
        let worker = plugin.workers.iter().find(|one| *one.name == *row.name).cloned();
        let Some(worker) = worker else {
            // Another version of the plugin may have it again.
            return Err(CallError::PluginUnavailable(plugin.name.to_string(), Away::Gone));
        };
        Ok(Some(ReadyWorker { row, worker, plugin, instance }))
    }

    /// Asks the plugin whether the worker is enabled, once for each plugin file and configuration.
    async fn asked(&self, mut ready: ReadyWorker) -> Result<ReadyWorker, CallError> {
        let of = (ready.plugin.digest_id, ready.instance.generation);
        if ready.row.asked == of {
            return Ok(ready);
        }
        let config = ready.instance.config_for(ready.plugin.digest_id);
        let config = config.unwrap_or_else(|| ready.instance.stored_config().clone());
        let input = WorkerInput::Enabled { config: config.to_string() };
        let enabled = WorkerCall { worker: ready.worker.name.clone(), input };
        let call =
            self.calls.on(ready.plugin.clone(), ready.instance.clone(), enabled, self.request());
        let answer = self.calls.run(call.await?, Mode::Collect).await?;
        let asked = Asked {
            enabled: answer.output == Output::Enabled(true),
            digest_id: of.0,
            generation: of.1,
        };
        let (id, now) = (ready.row.id, self.clock().now_ms());
        if !asked.enabled {
            self.give_up_waiting(id, now).await?;
        }
        self.context.store.write("worker.ask", move |tx| tx.settle_worker(id, &asked)).await?;
        if let Some(row) = self.context.store.read(|reader| reader.worker(id))? {
            ready.row = row;
        }
        Ok(ready)
    }

    /// The events that wait for a worker that is not enabled become dead letters.
    async fn give_up_waiting(&self, worker: WorkerId, now: i64) -> Result<(), StoreError> {
        loop {
            let give_up = move |tx: &Tx<'_>| tx.give_up_waiting(worker, now, GIVE_UP);
            if self.context.store.write("worker.give_up", give_up).await? < GIVE_UP {
                return Ok(());
            }
        }
    }

    async fn work_on(&self, ready: ReadyWorker) -> Result<BatchOutcome, CallError> {
        let mut ready = self.asked(ready).await?;
        if !ready.row.enabled || ready.row.is_retired() {
            return Ok(BatchOutcome::Idle);
        }
        let tried = self.try_again(&ready).await?;
        if tried && let Some(row) = self.context.store.read(|reader| reader.worker(ready.row.id))? {
            ready.row = row;
        }
        let outcome = self.next_batch(&ready).await?;
        match outcome {
            BatchOutcome::Idle if tried => Ok(BatchOutcome::More { since: None }),
            BatchOutcome::Stuck { since } if tried => Ok(BatchOutcome::More { since }),
            outcome => Ok(outcome),
        }
    }
}
