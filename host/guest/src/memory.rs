//! Guests' memory, in bytes: all of it, the part of guests that live on between calls, and each plugin's part of both.
//!
//! Counted by atomics alone: no call waits for another to be counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moothall_core::config::Limits;
use moothall_core::ids::PluginName;
use moothall_core::telemetry::metric::GUEST_MEMORY_REFUSED;

/// Memory of all guests together.
#[derive(Debug)]
pub struct MemoryGauge {
    all: Gauge,
    residents: Gauge,
    plugin_limit: u64,
    plugin_residents_limit: u64,
}

/// What one plugin's guests have of it, whichever version of it they run.
#[derive(Debug)]
pub struct PluginMemory {
    plugin: PluginName,
    of_all: Arc<MemoryGauge>,
    used: Gauge,
    residents: Gauge,
}

#[derive(Debug)]
struct Gauge {
    used: AtomicU64,
    limit: u64,
}

/// Whose memory it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// A call's: given back when it has ended.
    Call,
    /// A guest's that lives on between calls.
    Resident,
}

/// Whose limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    Host,
    Plugin,
    Residents,
    PluginResidents,
}

impl Full {
    /// The message for a caller.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Host => {
                "all guests together use too much memory (guest_memory_bytes in [limits])"
            }
            Self::Plugin => {
                "the plugin's calls together use up its share of the guests' memory \
                 (memory_per_plugin_bytes in [limits])"
            }
            Self::Residents => {
                "the guests that live on use up their share of the guests' memory \
                 (resident_memory_bytes in [limits])"
            }
            Self::PluginResidents => {
                "the plugin's guests that live on use up its three quarters of what such guests may have \
                 (resident_memory_bytes in [limits])"
            }
        }
    }

    fn limit(self) -> &'static str {
        match self {
            Self::Host => "guest_memory_bytes",
            Self::Plugin => "memory_per_plugin_bytes",
            Self::Residents | Self::PluginResidents => "resident_memory_bytes",
        }
    }
}

impl Gauge {
    fn new(limit: u64) -> Self {
        Self { used: AtomicU64::new(0), limit }
    }

    fn take(&self, bytes: u64) -> bool {
        if self.used.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) <= self.limit {
            return true;
        }
        self.give_back(bytes);
        false
    }

    fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl MemoryGauge {
    pub fn new(limits: &Limits) -> Self {
        Self {
            all: Gauge::new(limits.guest_memory_bytes),
            residents: Gauge::new(limits.resident_memory_bytes),
            plugin_limit: limits.memory_per_plugin_bytes,
            plugin_residents_limit: three_quarters(limits.resident_memory_bytes),
        }
    }

    pub fn used(&self) -> u64 {
        self.all.used.load(Ordering::Relaxed)
    }
}

fn three_quarters(bytes: u64) -> u64 {
    bytes - bytes / 4
}

impl PluginMemory {
    pub fn new(plugin: PluginName, of_all: Arc<MemoryGauge>) -> Self {
        let used = Gauge::new(of_all.plugin_limit);
        let residents = Gauge::new(of_all.plugin_residents_limit);
        Self { plugin, of_all, used, residents }
    }

    /// The plugin's own limit comes first, so that a plugin which is over it takes nothing from the others, not even for a
    /// moment.
    fn take(&self, of: Of, bytes: u64) -> Result<(), Full> {
        let all = [(&self.used, Full::Plugin), (&self.of_all.all, Full::Host)];
        let residents =
            [(&self.residents, Full::PluginResidents), (&self.of_all.residents, Full::Residents)];
        let of_residents: &[_] = if of == Of::Resident { &residents } else { &[] };
        let gauges = || of_residents.iter().chain(&all);
        for (at, (gauge, full)) in gauges().enumerate() {
            if !gauge.take(bytes) {
                gauges().take(at).for_each(|(taken, _)| taken.give_back(bytes));
                return Err(self.refused(*full));
            }
        }
        Ok(())
    }

    fn give_back(&self, of: Of, bytes: u64) {
        self.used.give_back(bytes);
        self.of_all.all.give_back(bytes);
        if of == Of::Resident {
            self.residents.give_back(bytes);
            self.of_all.residents.give_back(bytes);
        }
    }

    fn refused(&self, full: Full) -> Full {
        let labels = [("plugin", self.plugin.as_str()), ("limit", full.limit())];
        GUEST_MEMORY_REFUSED.of(&labels).increment(1);
        full
    }
}

/// Memory that is counted for somebody; dropping it gives it back.
#[derive(Debug)]
pub struct MemoryReservation {
    memory: Arc<PluginMemory>,
    of: Of,
    bytes: u64,
}

impl MemoryReservation {
    pub fn none_of(memory: Arc<PluginMemory>, of: Of) -> Self {
        Self { memory, of, bytes: 0 }
    }

    /// An empty one for a call of the plugin.
    pub fn of_call(memory: &Arc<PluginMemory>) -> Self {
        Self::none_of(memory.clone(), Of::Call)
    }

    /// Another one for the same holder, with nothing in it.
    pub fn empty(&self) -> Self {
        Self::none_of(self.memory.clone(), self.of)
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes this many bytes more, unless that would exceed a limit.
    pub fn grow(&mut self, bytes: u64) -> Result<(), Full> {
        self.memory.take(self.of, bytes)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for MemoryReservation {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.memory.give_back(self.of, self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gauge() -> Arc<MemoryGauge> {
        Arc::new(MemoryGauge::new(&Limits {
            guest_memory_bytes: 100,
            memory_per_plugin_bytes: 75,
            resident_memory_bytes: 40,
            ..Limits::default()
        }))
    }

    fn plugin(name: &str, of_all: &Arc<MemoryGauge>) -> Arc<PluginMemory> {
        Arc::new(PluginMemory::new(PluginName::parse(name).unwrap(), of_all.clone()))
    }

    #[test]
    fn a_plugin_is_refused_beyond_its_share_and_the_others_go_on() {
        let all = gauge();
        let mut greedy = MemoryReservation::none_of(plugin("greedy", &all), Of::Call);
        assert_eq!(greedy.grow(75), Ok(()));
        assert_eq!(greedy.grow(1), Err(Full::Plugin));
        let mut modest = MemoryReservation::none_of(plugin("modest", &all), Of::Call);
        assert_eq!(modest.grow(25), Ok(()));
        assert_eq!(modest.grow(1), Err(Full::Host));
        assert_eq!(all.used(), 100, "what was refused is not counted");
        drop((greedy, modest));
        assert_eq!(all.used(), 0);
    }

    #[test]
    fn guests_that_live_on_leave_the_rest_to_calls_and_a_quarter_to_each_other() {
        let all = gauge();
        let greedy = plugin("greedy", &all);
        let mut lives = MemoryReservation::none_of(greedy.clone(), Of::Resident);
        assert_eq!(lives.grow(30), Ok(()));
        assert_eq!(lives.grow(1), Err(Full::PluginResidents));
        let mut other = MemoryReservation::none_of(plugin("other", &all), Of::Resident);
        assert_eq!(other.grow(10), Ok(()));
        assert_eq!(other.grow(1), Err(Full::Residents));
        assert_eq!(
            MemoryReservation::none_of(greedy, Of::Call).grow(45),
            Ok(()),
            "its calls go on"
        );
        drop((lives, other));
        assert_eq!(all.used(), 0);
    }
}
