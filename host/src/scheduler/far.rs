//! Schedules that are due later than their rhythm could have put them: the clock was ahead when they were
//! advanced, or their plugin's file has another rhythm now, or was away.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::tick::CLOSING_MOST_MS;
use super::{FAR_EVERY, Scheduler};
use crate::ids::PluginName;
use crate::plugins::Plugin;
use crate::store::{FarSchedule, StoreError};

/// Schedules that one read looks at, and one write brings back.
const ROWS: usize = 5_000;

/// When schedules were gone through last.
#[derive(Default)]
pub struct Far {
    /// Steps of the clock until then.
    steps: Option<u64>,
    again_at: Option<Instant>,
}

impl Scheduler {
    /// Goes through all schedules if the clock was set, and now and then; through those of `replaced`, whose
    /// files were loaded just now, in any case. Whether all that was to be done is done.
    pub(super) async fn bring_back(
        &self,
        far: &mut Far,
        replaced: &BTreeSet<PluginName>,
    ) -> Result<(), StoreError> {
        let steps = Some(self.calls.clock.steps());
        let is_time = far.again_at.is_none_or(|at| at <= Instant::now());
        let all = far.steps != steps || is_time;
        if !all && replaced.is_empty() {
            return Ok(());
        }
        let mut from = (self.calls.clock.now_ms(), i64::MAX);
        loop {
            let rows = self.calls.store.read(|reader| reader.schedules_after(from, ROWS))?;
            let Some(last) = rows.last() else { break };
            from = (last.row.due_at, last.row.id);
            let back: Vec<_> =
                rows.iter().filter_map(|one| self.back(one, all, replaced)).collect();
            if !back.is_empty() {
                let count = back.len();
                let write = move |tx: &crate::store::Tx<'_>| tx.bring_schedules_back(&back);
                self.calls.store.write("schedule.bring_back", write).await?;
                tracing::info!(count, "schedules come earlier than they would have");
            }
        }
        *far = Far { steps, again_at: Some(Instant::now() + FAR_EVERY) };
        Ok(())
    }

    /// Its id, when it is due, and when it will be, if that is too late.
    fn back(
        &self,
        one: &FarSchedule,
        all: bool,
        replaced: &BTreeSet<PluginName>,
    ) -> Option<(i64, i64, i64)> {
        let instance = self.calls.communities.instance(one.row.instance)?;
        let is_new = replaced.contains(&instance.plugin);
        if !all && !is_new {
            return None;
        }
        let plugin = self.calls.plugin_of(&instance).ok()?;
        // A new file is a reason to try again.
        let failures = if is_new { 0 } else { one.row.failures };
        let now = self.calls.clock.now_ms();
        let (latest, to) = bounds(&plugin, one, failures, now)?;
        (one.row.due_at > latest).then_some((one.row.id, one.row.due_at, to))
    }
}

/// The latest that it can be due, and when it is due if it was later.
fn bounds(plugin: &Plugin, one: &FarSchedule, failures: u32, now: i64) -> Option<(i64, i64)> {
    let cadence = match one.row.kind.as_str() {
        "closing" => {
            let at = one.closing_at.unwrap_or(now);
            return Some((at.max(now + CLOSING_MOST_MS), at.max(now)));
        }
        "producer" => plugin.producer.as_ref()?,
        "update" => &plugin.processes.get(one.process.as_deref()?)?.cadence,
        kind => &plugin.schedule(kind)?.cadence,
    };
    Some((cadence.latest(now, failures), cadence.first(now)))
}
