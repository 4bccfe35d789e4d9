//! Schedules that are due later than their rhythm allows: the clock was ahead when they were advanced, or their plugin's
//! file has another rhythm now, or did not serve.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::shared::Scheduler;
use moothall_core::ids::PluginName;
use moothall_core::retry::PLUGIN_WORK;
use moothall_core::schedule::{Schedule, ScheduleKind};
use moothall_engine::plugins::Plugin;
use moothall_store::{FarSchedule, StoreError};

/// How often all schedules are searched for one that is due later than it can be, even if nothing gave reason to.
const FAR_EVERY: Duration = Duration::from_secs(60 * 60);
/// Schedules that one read returns, and one write brings back.
const ROWS: usize = 5_000;

/// When the schedules were checked last.
#[derive(Default)]
pub struct Far {
    /// How often the clock had been set by then.
    steps: Option<u64>,
    again_at: Option<Instant>,
}

impl Scheduler {
    /// Checks all schedules if the clock was set, and every `FAR_EVERY`; those of `replaced`, whose files were loaded just
    /// now, in any case.
    pub(super) async fn bring_back(
        &self,
        far: &mut Far,
        replaced: &BTreeSet<PluginName>,
    ) -> Result<(), StoreError> {
        let steps = Some(self.context.clock.steps());
        let is_time = far.again_at.is_none_or(|at| at <= Instant::now());
        let all = far.steps != steps || is_time;
        if !all && replaced.is_empty() {
            return Ok(());
        }
        let mut from = (self.context.clock.now_ms(), i64::MAX);
        loop {
            let rows = self.context.store.read(|reader| reader.schedules_after(from, ROWS))?;
            let Some(last) = rows.last() else { break };
            from = (last.row.due_at, last.row.id);
            let back: Vec<_> =
                rows.iter().filter_map(|one| self.back(one, all, replaced)).collect();
            if !back.is_empty() {
                let count = back.len();
                let write = move |tx: &moothall_store::Tx<'_>| tx.bring_schedules_back(&back);
                self.context.store.write("schedule.bring_back", write).await?;
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
        let instance = self.context.communities.instance(one.row.instance)?;
        let is_new = replaced.contains(&instance.plugin);
        if !all && !is_new {
            return None;
        }
        let plugin = self.calls.plugin_of(&instance).ok()?;
        // A new file is a reason to try again.
        let failures = if is_new { 0 } else { one.row.failures };
        let now = self.context.clock.now_ms();
        let (latest, to) = bounds(&plugin, one, failures, now)?;
        (one.row.due_at > latest).then_some((one.row.id, one.row.due_at, to))
    }
}

/// The latest that it can be due, and when it is due if it was later.
fn bounds(plugin: &Plugin, one: &FarSchedule, failures: u32, now: i64) -> Option<(i64, i64)> {
    let schedule = match &one.row.kind {
        ScheduleKind::Closing => return Some(of_closing(one.closing_at, now)),
        ScheduleKind::Producer => plugin.producer.as_ref()?,
        ScheduleKind::Update => &plugin.processes.get(one.process.as_deref()?)?.schedule,
        ScheduleKind::Named(name) => &plugin.schedule(name)?.schedule,
    };
    Some(of_schedule(schedule, failures, now))
}

fn of_closing(closing_at: Option<i64>, now: i64) -> (i64, i64) {
    let at = closing_at.unwrap_or(now);
    (at.max(now + PLUGIN_WORK.longest_ms()), at.max(now))
}

fn of_schedule(schedule: &Schedule, failures: u32, now: i64) -> (i64, i64) {
    (schedule.latest(now, failures), schedule.first(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 10_000_000;

    #[test]
    fn a_closing_time_waits_until_it_comes_or_for_the_longest_wait_between_two_tries() {
        let (soon, far) = (NOW + 1_000, NOW + 2 * PLUGIN_WORK.longest_ms());
        assert_eq!(of_closing(Some(far), NOW), (far, far));
        assert_eq!(of_closing(Some(soon), NOW), (NOW + PLUGIN_WORK.longest_ms(), soon));
        assert_eq!(
            of_closing(Some(NOW - 5), NOW),
            (NOW + PLUGIN_WORK.longest_ms(), NOW),
            "it has passed"
        );
        assert_eq!(
            of_closing(None, NOW),
            (NOW + PLUGIN_WORK.longest_ms(), NOW),
            "it is none any more"
        );
    }

    #[test]
    fn a_tick_waits_for_its_rhythm_or_for_as_long_as_its_failures_make_it() {
        let each_minute = Schedule::default();
        assert_eq!(of_schedule(&each_minute, 0, NOW), (NOW + 60_000, NOW + 60_000));
        assert_eq!(of_schedule(&each_minute, 3, NOW), (NOW + 240_000, NOW + 60_000));
    }
}
