//! When something periodic is due next: an interval, or a cron expression in a time zone, with jitter. Pure
//! arithmetic on given times; several missed ticks count as one.

mod kind;

use croner::Cron;
use croner::parser::{CronParser, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::ids::random_bytes;
use crate::retry::RetryPolicy;

pub use kind::ScheduleKind;

/// The default interval, in milliseconds.
const DEFAULT_EVERY_MS: i64 = 60_000;
/// The shortest waits after failures in a row.
const AFTER_FAILURES: RetryPolicy = RetryPolicy::doubling(60_000, 60 * 60 * 1000);
/// How long a cron expression waits that has no time in the years that are searched, in milliseconds.
const NEVER_MS: i64 = 365 * 24 * 60 * 60 * 1000;
/// The fewest fields of a cron expression.
const CRON_FIELDS: usize = 5;
/// The start of the search whether a cron expression ever matches, in milliseconds: the year 2000.
const SEARCH_FROM_MS: i64 = 946_684_800_000;

/// A rhythm.
#[derive(Clone, Debug)]
pub struct Schedule {
    rhythm: Rhythm,
    /// Each tick is delayed by a random part of this, in milliseconds.
    jitter_ms: i64,
}

#[derive(Clone, Debug)]
enum Rhythm {
    /// Milliseconds.
    Every(i64),
    Cron(Box<Cron>, TimeZone),
}

impl Default for Schedule {
    fn default() -> Self {
        Self { rhythm: Rhythm::Every(DEFAULT_EVERY_MS), jitter_ms: 0 }
    }
}

impl Schedule {
    /// From a manifest's schedule; an error is one sentence.
    pub fn parse(
        every: Option<&str>,
        cron: Option<&str>,
        time_zone: Option<&str>,
        jitter: Option<&str>,
    ) -> Result<Self, String> {
        let jitter_ms = jitter.map(interval_ms).transpose()?.unwrap_or(0);
        let rhythm = match (every, cron) {
            (Some(_), Some(_)) => return Err("give `every` or `cron`, not both".into()),
            (Some(every), None) => Rhythm::Every(interval_ms(every)?),
            (None, Some(cron)) => {
                let (cron, zone) = (parse_cron(cron)?, zone(time_zone)?);
                Rhythm::Cron(Box::new(cron), zone)
            }
            (None, None) => Rhythm::Every(DEFAULT_EVERY_MS),
        };
        Ok(Self { rhythm, jitter_ms })
    }

    /// The operator's: an interval, or a cron expression in UTC.
    pub fn of_operator(text: &str) -> Result<Self, String> {
        if interval_ms(text).is_ok() {
            return Self::parse(Some(text), None, None, None);
        }
        // `30 sec` is a mistyped interval, and not a cron expression of two fields.
        let is_cron = text.split_whitespace().count() >= CRON_FIELDS || text.starts_with('@');
        if is_cron {
            return Self::parse(None, Some(text), None, None);
        }
        Err(format!("`{text}` is neither an interval (30s, 5m, 2h, 1d) nor a cron expression"))
    }

    /// When the first tick is due.
    pub fn first(&self, now: i64) -> i64 {
        self.after(now, now)
    }

    /// When the next tick is due after one that was due at `due`: in the future of `now`, however many
    /// were missed.
    pub fn after(&self, due: i64, now: i64) -> i64 {
        let next = match &self.rhythm {
            Rhythm::Every(every) => {
                // On the grid of the first tick, so that a late one does not shift the others.
                let missed = (now - due).max(0) / every;
                due + (missed + 1) * every
            }
            Rhythm::Cron(cron, zone) => next_of(cron, zone, now.max(due)),
        };
        next.saturating_add(self.jitter())
    }

    /// The same after `failures` failures in a row, but no sooner than the backoff allows.
    pub fn after_failure(&self, due: i64, now: i64, failures: u32) -> i64 {
        self.after(due, now).max(now + AFTER_FAILURES.wait_ms(failures))
    }

    /// The latest that the next tick can be due after `failures` failures in a row.
    pub fn latest(&self, now: i64, failures: u32) -> i64 {
        let next = match &self.rhythm {
            Rhythm::Every(every) => now + every,
            Rhythm::Cron(cron, zone) => next_of(cron, zone, now),
        };
        next.saturating_add(self.jitter_ms).max(now + AFTER_FAILURES.wait_ms(failures))
    }

    fn jitter(&self) -> i64 {
        if self.jitter_ms == 0 {
            return 0;
        }
        let random = u64::from_le_bytes(random_bytes().unwrap_or_default());
        (random % self.jitter_ms.unsigned_abs()).cast_signed()
    }
}

/// `30s`, `5m`, `2h`, `1d`
fn interval_ms(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is no interval; write one as 30s, 5m, 2h or 1d");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let number: u32 = number.parse().map_err(|_| wrong())?;
    let seconds: i64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    if number == 0 { Err(wrong()) } else { Ok(i64::from(number) * seconds * 1000) }
}

/// With five or six fields. Without a year, an expression that matches once matches again and again, so one
/// match is enough.
fn parse_cron(text: &str) -> Result<Cron, String> {
    let parser = CronParser::builder().year(Year::Disallowed).build();
    let cron = parser.parse(text);
    let cron = cron.map_err(|error| format!("`{text}` is no cron expression: {error}"))?;
    if next(&cron, &TimeZone::UTC, SEARCH_FROM_MS).is_none() {
        return Err(format!("`{text}` never comes: no year has such a day"));
    }
    Ok(cron)
}

fn zone(name: Option<&str>) -> Result<TimeZone, String> {
    let name = name.unwrap_or("UTC");
    TimeZone::get(name).map_err(|_| format!("`{name}` is no time zone; write one as Europe/Berlin"))
}

fn next_of(cron: &Cron, zone: &TimeZone, after: i64) -> i64 {
    next(cron, zone, after).unwrap_or(after.saturating_add(NEVER_MS))
}

fn next(cron: &Cron, zone: &TimeZone, after: i64) -> Option<i64> {
    let after = Timestamp::from_millisecond(after).ok()?.to_zoned(zone.clone());
    let next = cron.find_next_occurrence(&after, false).ok()?;
    Some(next.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::parse_rfc3339;

    fn time(text: &str) -> i64 {
        parse_rfc3339(text).unwrap()
    }

    #[test]
    fn missed_ticks_are_one_and_the_grid_stays() {
        let every = Schedule::parse(Some("60s"), None, None, None).unwrap();
        assert_eq!(every.after(0, 1), 60_000);
        assert_eq!(every.after(0, 59_999), 60_000);
        assert_eq!(every.after(0, 60_000), 120_000);
        assert_eq!(every.after(0, 605_000), 660_000);
    }

    #[test]
    fn cron_follows_its_time_zone_over_a_change_of_clocks() {
        let cron = Schedule::parse(None, Some("0 9 * * *"), Some("Europe/Berlin"), None).unwrap();
        let winter = cron.first(time("2026-03-28T12:00:00Z"));
        assert_eq!(winter, time("2026-03-29T07:00:00Z"));
        assert_eq!(cron.first(time("2026-01-10T12:00:00Z")), time("2026-01-11T08:00:00Z"));
    }

    /// The ticks from one time to before another.
    fn ticks(cron: &str, from: &str, to: &str) -> Vec<i64> {
        let cron = Schedule::parse(None, Some(cron), Some("Europe/Berlin"), None).unwrap();
        let (from, to) = (time(from), time(to));
        let ticks =
            std::iter::successors(Some(cron.first(from - 1)), |due| Some(cron.after(*due, *due)));
        ticks.take_while(|due| *due < to).collect()
    }

    #[test]
    fn a_time_of_day_comes_once_on_each_day_of_a_change_of_clocks() {
        // 02:30 does not exist: the tick comes at the end of the skipped hour.
        let spring = ticks("30 2 * * *", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
        assert_eq!(spring, [time("2026-03-29T01:00:00Z")]);
        // 02:30 exists twice: the first counts.
        let autumn = ticks("30 2 * * *", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
        assert_eq!(autumn, [time("2026-10-25T00:30:00Z")]);
        let late = Schedule::parse(None, Some("30 2 * * *"), Some("Europe/Berlin"), None).unwrap();
        let between = late.after(time("2026-10-25T00:30:00Z"), time("2026-10-25T01:10:00Z"));
        assert_eq!(between, time("2026-10-26T01:30:00Z"), "also if the first tick was late");
    }

    #[test]
    fn each_minute_of_a_repeated_hour_comes() {
        let twice = ticks("* * * * *", "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z");
        assert_eq!(twice.len(), 120);
        assert!(twice.windows(2).all(|two| two[1] - two[0] == 60_000));
        let once = ticks("* * * * *", "2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z");
        assert_eq!(once.len(), 120, "from 01:00 to 02:00, then from 03:00");
    }

    #[test]
    fn what_never_comes_is_refused() {
        for never in ["0 0 30 2 *", "0 0 31 4 *", "0 0 31 2,4,6,9,11 *", "0 0 0 30 FEB *"] {
            let refusal = Schedule::parse(None, Some(never), None, None).unwrap_err();
            assert!(refusal.contains("never comes"), "{refusal}");
            assert_eq!(Schedule::of_operator(never).unwrap_err(), refusal);
        }
        let leap = Schedule::parse(None, Some("0 0 29 2 *"), None, None).unwrap();
        assert_eq!(leap.first(time("2096-03-01T00:00:00Z")), time("2104-02-29T00:00:00Z"));
        for fine in ["0 0 31 * *", "0 0 L 2 *", "0 0 30 2 1", "59 59 23 31 12 *"] {
            assert!(Schedule::of_operator(fine).is_ok(), "{fine}");
        }
        // A year would match once, or is in the past.
        assert!(Schedule::of_operator("0 0 0 1 1 * 2020").is_err());
    }

    #[test]
    fn failures_wait_longer_up_to_an_hour() {
        let every = Schedule::parse(Some("1s"), None, None, None).unwrap();
        assert_eq!(every.after_failure(0, 0, 1), 60_000);
        assert_eq!(every.after_failure(0, 0, 3), 240_000);
        assert_eq!(every.after_failure(0, 0, 4_000_000_000), 3_600_000);
    }

    #[test]
    fn no_next_tick_is_later_than_the_latest() {
        let every = Schedule::parse(Some("60s"), None, None, Some("5s")).unwrap();
        let cron = Schedule::parse(None, Some("0 9 * * *"), None, None).unwrap();
        let now = time("2026-03-28T12:00:00Z");
        for schedule in [every, cron] {
            for failures in [0, 1, 5, 50] {
                let next = match failures {
                    0 => schedule.after(now, now),
                    _ => schedule.after_failure(now, now, failures),
                };
                let latest = schedule.latest(now, failures);
                assert!((next..=next + 5_000).contains(&latest), "{next} {latest}");
            }
        }
    }

    #[test]
    fn jitter_stays_within_its_bound() {
        let every = Schedule::parse(Some("60s"), None, None, Some("5s")).unwrap();
        for _ in 0..100 {
            assert!((60_000..65_000).contains(&every.after(0, 0)));
        }
    }

    #[test]
    fn mistakes_are_sentences() {
        for (every, cron, zone) in [
            (Some("0s"), None, None),
            (Some("ten"), None, None),
            (None, Some("often"), None),
            (None, Some("* * * * *"), Some("Mars")),
        ] {
            assert!(Schedule::parse(every, cron, zone, None).is_err());
        }
        assert!(Schedule::of_operator("30s").is_ok());
        assert!(Schedule::of_operator("*/5 * * * *").is_ok());
        assert!(Schedule::of_operator("soon").is_err());
    }
}
