//! The filter of a list or a stream of events.

use crate::http::problem::Problem;
use moothall_core::events::{Envelope, matches};
use moothall_core::ids::{CommunityId, Position};

/// A filter of events.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub community: Option<CommunityId>,
    pub pattern: Option<String>,
    /// Why the pattern probably matches nothing.
    pub doubt: Option<String>,
}

impl Wanted {
    pub fn has(&self, event: &Envelope) -> bool {
        let matches = |pattern: &String| matches(pattern, &event.source, &event.event_type);
        self.pattern.as_ref().is_none_or(matches)
    }
}

/// Not a position of this log: it is of another log, or later than the restored backup.
pub fn beyond_the_end(at: Position, last: Position, name: &str) -> Problem {
    Problem::gone(format!(
        "The log ends at position {last}: it is not the one that position {at} was in, perhaps an earlier \
         state that was restored; begin again without {name}"
    ))
}
