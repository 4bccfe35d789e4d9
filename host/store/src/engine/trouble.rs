//! What can be the matter with the store, and in which words the log and `/readyz` say so.

/// What can be the matter with the store. Several can be at once; the worst is first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Trouble {
    /// The writer has ended or stopped: only a restart helps.
    Ended = 1,
    /// A read or a write found the file damaged.
    Damaged = 2,
    /// What is in memory may differ from what is stored: a callback after a commit panicked.
    Diverged = 4,
    /// A write has not come back for `stalled_ms`.
    Stalled = 8,
    /// A read has not come back for `stalled_ms`.
    Hanging = 16,
    /// The disk is full, or the database has reached its bound.
    Full = 32,
    /// Writes fail for another reason.
    Failing = 64,
}

pub const ALL: [Trouble; 7] = [
    Trouble::Ended,
    Trouble::Damaged,
    Trouble::Diverged,
    Trouble::Stalled,
    Trouble::Hanging,
    Trouble::Full,
    Trouble::Failing,
];

/// While one of these is present, a write cannot be expected to be stored.
pub const PREVENT_WRITES: u8 =
    Trouble::Ended as u8 | Trouble::Stalled as u8 | Trouble::Full as u8 | Trouble::Failing as u8;

impl Trouble {
    /// The reason that `/readyz` shows. The log says more.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Ended => "The store has stopped writing: restart the host",
            Self::Damaged => "The store is damaged: restore a backup",
            Self::Diverged => {
                "The store may contain changes that the host has not noticed: restart the host"
            }
            Self::Stalled => "A write to the store hangs",
            Self::Hanging => "A read from the store hangs",
            Self::Full => "The store is full",
            Self::Failing => "The store cannot be written",
        }
    }

    pub fn log(self, reason: &str) {
        match self {
            Self::Ended => {
                tracing::error!("the store has stopped writing: {reason}; restart the host")
            }
            Self::Damaged => tracing::error!(
                "the database is damaged: {reason}; stop the host and restore a backup"
            ),
            Self::Diverged => tracing::error!(
                "what the host has in memory may differ from what is stored: {reason}; restart the host"
            ),
            Self::Stalled => tracing::error!(
                "the store cannot be written: {reason}; does the disk answer? does another process lock the database?"
            ),
            Self::Hanging => {
                tracing::error!("the store cannot be read: {reason}; does the disk answer?");
            }
            Self::Full => tracing::error!(
                "the store is full: {reason}; make room on its disk, or raise [store] database_bytes"
            ),
            Self::Failing => tracing::error!("the store cannot be written: {reason}"),
        }
    }
}

/// What can be done again, now that the troubles are `now` and no longer `before`. One may turn into another, as a write
/// that hung and then failed: then nothing can.
pub fn possible_again(before: u8, now: u8) -> Vec<&'static str> {
    let cleared = |bits: u8| before & bits != 0 && now & bits == 0;
    let read = cleared(Trouble::Hanging as u8).then_some("read");
    let written = cleared(PREVENT_WRITES).then_some("written");
    read.into_iter().chain(written).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_says_that_the_store_can_be_written_only_when_nothing_prevents_it() {
        let (stalled, failing) = (Trouble::Stalled as u8, Trouble::Failing as u8);
        assert_eq!(possible_again(stalled, 0), ["written"]);
        assert_eq!(possible_again(stalled | failing, failing), [""; 0]);
        assert_eq!(possible_again(Trouble::Hanging as u8 | failing, failing), ["read"]);
        assert_eq!(
            possible_again(Trouble::Damaged as u8 | stalled, Trouble::Damaged as u8),
            ["written"]
        );
    }
}
