//! When the host calls something: `every = "30s"`, or `cron = "0 9 * * 1", time_zone = "…"`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{LitStr, Meta};

use super::text;
use crate::mistakes::Mistakes;

/// The options of a schedule. Without any, the host's default applies.
#[derive(Default)]
pub struct ScheduleOptions {
    every: Option<LitStr>,
    cron: Option<LitStr>,
    time_zone: Option<LitStr>,
    jitter: Option<LitStr>,
}

impl ScheduleOptions {
    /// Takes one option; false if it is not about a schedule.
    pub fn accept(&mut self, option: &Meta, mistakes: &mut Mistakes) -> bool {
        let path = option.path();
        let place = if path.is_ident("every") {
            &mut self.every
        } else if path.is_ident("cron") {
            &mut self.cron
        } else if path.is_ident("time_zone") {
            &mut self.time_zone
        } else if path.is_ident("jitter") {
            &mut self.jitter
        } else {
            return false;
        };
        *place = text(option, mistakes);
        true
    }

    /// Notes what the host would refuse.
    pub fn check(&self, mistakes: &mut Mistakes) {
        if let (Some(_), Some(cron)) = (&self.every, &self.cron) {
            mistakes.add(cron, "a schedule has `every` or `cron`, not both; remove one");
        }
        if let (Some(zone), None) = (&self.time_zone, &self.cron) {
            mistakes.add(zone, "`time_zone` belongs to `cron`; remove it, or add `cron`");
        }
        // The host accepts days for `every` only.
        check_interval("every", self.every.as_ref(), "smhd", mistakes);
        check_interval("jitter", self.jitter.as_ref(), "smh", mistakes);
        let seconds = |interval: &Option<LitStr>| seconds(&interval.as_ref()?.value());
        if let (Some(jitter), Some(every)) = (seconds(&self.jitter), seconds(&self.every))
            && jitter > every
        {
            mistakes.add(
                &self.jitter,
                "`jitter` is longer than `every`, so that ticks would be skipped; make it shorter",
            );
        }
    }

    /// The first option that is set, for a mistake to point at.
    pub fn first(&self) -> Option<&LitStr> {
        [&self.every, &self.cron, &self.time_zone, &self.jitter].into_iter().flatten().next()
    }

    /// The manifest's schedule; none without options.
    pub fn to_manifest(&self) -> Option<TokenStream> {
        let all = [&self.every, &self.cron, &self.time_zone, &self.jitter];
        if all.iter().all(|option| option.is_none()) {
            return None;
        }
        let [every, cron, time_zone, jitter] = all.map(|option| option.iter());
        Some(quote! {
            ::moothall_sdk::manifest::Schedule::default()
                #(.every(#every))*
                #(.cron(#cron))*
                #(.time_zone(#time_zone))*
                #(.jitter(#jitter))*
        })
    }
}

fn check_interval(name: &str, interval: Option<&LitStr>, units: &str, mistakes: &mut Mistakes) {
    if let Some(interval) = interval.filter(|interval| !is_interval(&interval.value(), units)) {
        let units: Vec<String> = units.chars().map(|unit| format!("`{unit}`")).collect();
        let units = units.join(", ");
        mistakes.add(
            interval,
            format!(
                "`{name}` is a whole number from 1 to 999999 and its unit, one of {units}: \"30s\", \"5m\", \"2h\""
            ),
        );
    }
}

/// The length of an interval; none if the text is no interval.
fn seconds(interval: &str) -> Option<u64> {
    let (number, unit) = interval.split_at_checked(interval.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(seconds)
}

fn is_interval(text: &str, units: &str) -> bool {
    let number = text.strip_suffix(|unit| units.contains(unit)).unwrap_or_default();
    let digits =
        !number.is_empty() && number.len() <= 6 && number.bytes().all(|b| b.is_ascii_digit());
    digits && !number.starts_with('0')
}
