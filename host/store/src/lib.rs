//! The one SQLite file: durable state of everything.
//!
//! Two ways in: `Store::read` runs a closure on this thread's read-only connection, `Store::write`
//! queues a closure for the one writer thread and answers once it is durable. SQL stays in this
//! crate, one file of `tables` per table family, and no SQLite type leaves it. Nothing here may wait for a
//! guest or for HTTP: a transaction lasts as long as its statements.
//!
//! `Store::health` knows whether it writes and reads, and asking costs the load of an atomic. A background task (attempts,
//! ticks, items, batches) begins no work unless `health().can_write()`, and goes on after
//! `health().until_it_can_write().await`, which returns when a write was stored again.

mod engine;
mod error;
mod tables;

pub use engine::rows::{Found, Listed};
pub use engine::{
    AfterWrite, ExaminedDatabase, Health, QueuedWrite, Reader, SCHEMA_VERSION, Signals, Store,
    Trouble, Tx, examine, examine_copy, read_aside,
};
pub use error::{StoreError, Taken};
pub use tables::accounts::AccountFilter;
pub use tables::changes::View;
pub use tables::compiled::Compiled;
pub use tables::deliveries::due::DueDelivery;
pub use tables::deliveries::fan_out::{Departed, Departures};
pub use tables::deliveries::list::{
    Backlog, DeliveredEvent, DeliveryFilter, DeliveryRow, LastFailure, STATES,
};
pub use tables::deliveries::{After, AttemptRow, EXPIRE_MS, Outcome};
pub use tables::due_times::{Expiring, Waiting, Waits};
pub use tables::endpoints::{DRIVER, DriverHeaders, EndpointRow, Rotated};
pub use tables::events::{AgeBounds, Audience, DEDUPE_MS, NewEvent};
pub use tables::failed_calls::FailedCall;
pub use tables::hooks::{HookPut, HookRow, StepRow};
pub use tables::idempotency::StoredResponse;
pub use tables::identity::{MERGED, PersonRow, User};
pub use tables::instances::{CommunityRow, InstanceRow, NewInstance, SecretRow};
pub use tables::key_check::{SampleOf, SealedSample};
pub use tables::keys::ApiKeyRow;
pub use tables::oauth::{OAuthBounds, OAuthRow, OAuthSecret, SecretHash, TakenState};
pub use tables::processes::{FIRST_NOTICE_MS, ProcessFilter, ProcessRow};
pub use tables::recordings::{NewRecording, RecordedRow};
pub use tables::schedules::{Advance, FarSchedule, ScheduleFilter, ScheduleRow};
pub use tables::shares::{CommunityLoad, NO_WEBHOOK_ROOM, WebhookBounds};
pub use tables::state::StateChange;
pub use tables::suspects::Suspect;
pub use tables::webhooks::{DueWebhooks, WebhookItem, WebhookLag, WebhookReceiver};
pub use tables::worker_events::{DeadLetter, Fate, Passed, WorkerEvent};
pub use tables::workers::{Asked, Keyed, NewWorker, WorkerRow};
