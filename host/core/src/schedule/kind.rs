//! What a schedule calls when it is due.

use std::fmt;
use std::sync::Arc;

/// What the stored text of a named schedule begins with, before its name.
const NAMED: &str = "schedule/";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScheduleKind {
    /// `producer.tick` of an instance.
    Producer,
    /// `processes.update` of a process.
    Update,
    /// The closing time of a process.
    Closing,
    /// The tick of that name in the manifest's `schedules`.
    Named(Arc<str>),
}

impl ScheduleKind {
    /// Of the text that is stored.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "producer" => Some(Self::Producer),
            "update" => Some(Self::Update),
            "closing" => Some(Self::Closing),
            text => text.strip_prefix(NAMED).map(|name| Self::Named(name.into())),
        }
    }

    /// As the API lists it.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Update => "update",
            Self::Closing => "closing",
            Self::Named(_) => "schedule",
        }
    }

    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            Self::Producer | Self::Update | Self::Closing => None,
        }
    }
}

/// The text that is stored.
impl fmt::Display for ScheduleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "{NAMED}{name}"),
            other => f.write_str(other.label()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_stored_as_text_and_read_back() {
        let named = ScheduleKind::Named("closing".into());
        for kind in [ScheduleKind::Producer, ScheduleKind::Update, ScheduleKind::Closing, named] {
            assert_eq!(ScheduleKind::parse(&kind.to_string()), Some(kind));
        }
        assert_eq!(ScheduleKind::parse("tick"), None);
    }
}
