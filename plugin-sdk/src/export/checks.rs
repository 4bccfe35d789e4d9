//! Checks of the types that an author names, made by the compiler. Nothing here is called at run time: the
//! attributes write constants that use it.

use crate::{Event, Instance, Plugin};

/// Whether two events have different types.
pub const fn are_distinct<One: Event, Other: Event>() -> bool {
    let (one, other) = (One::TYPE.as_bytes(), Other::TYPE.as_bytes());
    if one.len() != other.len() {
        return true;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return true;
        }
        at += 1;
    }
    false
}

/// Compiles for a process that a plugin lists.
pub const fn is_listed<P: Plugin, Process: Instance<P>>() {}
