//! The events that the writes of one transaction have appended. They get positions and rows together, right before the
//! commit: nobody can use a position that is not durable, and the transaction pays once for what its events share.

use std::cell::{Cell, RefCell};

use super::Tx;
use crate::{NewEvent, StoreError};

/// Writes the rows of events, in this order.
pub type WriteEvents = fn(&Tx<'_>, Vec<NewEvent>) -> Result<(), StoreError>;

/// Events without rows, in the order in which they were appended.
#[derive(Default)]
pub struct Appended {
    events: RefCell<Vec<NewEvent>>,
    /// Comes with the events: only their table knows how.
    write: Cell<Option<WriteEvents>>,
}

impl Appended {
    pub fn add(&self, event: NewEvent, write: WriteEvents) {
        self.events.borrow_mut().push(event);
        self.write.set(Some(write));
    }

    pub fn count(&self) -> usize {
        self.events.borrow().len()
    }

    /// Forgets all but the first `count`: the write that appended the others was rolled back.
    pub fn keep(&self, count: usize) {
        self.events.borrow_mut().truncate(count);
    }

    /// Takes them all out, with what writes them; none if there are none.
    pub fn take(&self) -> Option<(WriteEvents, Vec<NewEvent>)> {
        let events = self.events.take();
        self.write.take().filter(|_| !events.is_empty()).map(|write| (write, events))
    }
}
