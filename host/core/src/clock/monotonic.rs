//! Times that only memory knows. They cannot be stored, shown or compared with the wall clock's, which are numbers.

/// A time on a clock that nobody sets: milliseconds since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Monotonic(i64);

impl Monotonic {
    pub const fn of_ms(since_the_process_began: i64) -> Self {
        Self(since_the_process_began)
    }

    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// How many milliseconds later `other` is; 0 if it is not later.
    pub fn ms_until(self, other: Self) -> i64 {
        other.0.saturating_sub(self.0).max(0)
    }
}
