//! Lines about what happens, for a person: the time, the kind, what happened, and the ids. At most so many a second: beyond
//! that, a line says how many were left out.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::cli::answer::{hanging, note};
use moothall_core::clock::{Clock, rfc3339};

/// The most lines in [`WINDOW`].
const LINES: usize = 50;
const WINDOW: Duration = Duration::from_secs(1);

/// How many letters the time and the kind take, with a space after each.
const HEAD: usize = 18;
/// The kind of what this program says itself.
const NOTE: &str = "note";

#[derive(Clone, Copy, Debug)]
pub enum LineKind {
    Delivery,
    Event,
    Failed,
    Log,
}

#[derive(Default)]
pub struct Lines {
    state: Mutex<LineState>,
}

#[derive(Default)]
struct LineState {
    pace: Pace,
    /// What cannot be followed, and what was said of it, so that it is told once.
    troubles: BTreeMap<&'static str, String>,
}

/// How many lines there were in this window.
#[derive(Default)]
struct Pace {
    begun: Option<Instant>,
    shown: usize,
    left_out: usize,
}

impl Lines {
    /// Shows a line on standard error. `time` is as the host writes it; without one it is now.
    pub fn show(&self, kind: LineKind, time: &str, said: &str, ids: &[&str]) {
        let mut state = self.state();
        let (is_shown, left_out) = state.pace.next(Instant::now());
        tell(left_out);
        if is_shown {
            let ids = ids.iter().filter(|id| !id.is_empty()).map(|id| format!("  {id}"));
            let ids: String = ids.collect();
            note(&line(time, kind.name(), &format!("{said}{ids}")));
        }
    }

    /// Says how many lines the last window left out, if it is over.
    pub fn tell_left_out(&self) {
        tell(self.state().pace.roll(Instant::now()));
    }

    /// Says once that something of a host cannot be followed.
    pub fn trouble(&self, what: &'static str, error: &anyhow::Error) {
        let said = format!("the {what} of the host cannot be shown now: {error:#}");
        let mut state = self.state();
        if state.troubles.get(what) != Some(&said) {
            note(&line("", NOTE, &said));
            state.troubles.insert(what, said);
        }
    }

    pub fn no_trouble(&self, what: &'static str) {
        self.state().troubles.remove(what);
    }

    fn state(&self) -> MutexGuard<'_, LineState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LineKind {
    fn name(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            Self::Event => "event",
            Self::Failed => "failed",
            Self::Log => "log",
        }
    }
}

impl Pace {
    /// Whether the next line is shown, and how many were left out before.
    fn next(&mut self, now: Instant) -> (bool, usize) {
        let left_out = self.roll(now);
        self.begun.get_or_insert(now);
        self.shown += 1;
        let is_shown = self.shown <= LINES;
        self.left_out += usize::from(!is_shown);
        (is_shown, left_out)
    }

    /// Ends the window if it is over; returns how many lines it left out.
    fn roll(&mut self, now: Instant) -> usize {
        match self.begun {
            Some(begun) if now.saturating_duration_since(begun) >= WINDOW => {
                std::mem::take(self).left_out
            }
            _ => 0,
        }
    }
}

fn tell(left_out: usize) {
    if left_out > 0 {
        let lines = if left_out == 1 { "line" } else { "lines" };
        note(&line("", NOTE, &format!("{left_out} more {lines} left out")));
    }
}

/// `12:01:02` of `2026-11-30T12:01:02.003Z`
fn clock(time: &str) -> String {
    let of_day = |time: &str| time.get(11..19).map(str::to_owned);
    of_day(time).or_else(|| of_day(&rfc3339(Clock::system().now_ms()))).unwrap_or_default()
}

/// A line with its head. What was said on several lines stays one thing that happened: no other line of it has a head.
fn line(time: &str, kind: &str, said: &str) -> String {
    hanging(&format!("{} {kind:8} {said}", clock(time)), HEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_cut_and_what_was_left_out_is_counted_once() {
        let (mut pace, begun) = (Pace::default(), Instant::now());
        let shown = (0..LINES + 7).filter(|_| pace.next(begun).0).count();
        assert_eq!(shown, LINES);
        assert_eq!(pace.roll(begun + WINDOW / 2), 0, "the window is not over");
        assert_eq!(pace.next(begun + WINDOW), (true, 7));
        assert_eq!(pace.next(begun + WINDOW * 3), (true, 0));
    }

    #[test]
    fn what_a_plugin_says_cannot_look_like_something_else_that_happened() {
        let said = "info  one\n12:01:03 failed   two";
        let shown = line("2026-11-30T12:01:02.003Z", LineKind::Log.name(), said);
        let mut lines = shown.lines();
        assert_eq!(lines.next(), Some("12:01:02 log      info  one"));
        assert_eq!(lines.next(), Some("                  12:01:03 failed   two"));
    }

    #[test]
    fn a_time_is_shown_as_that_of_a_day() {
        assert_eq!(clock("2026-11-30T12:01:02.003Z"), "12:01:02");
        assert_eq!(clock("").len(), 8);
    }
}
