//! Which event may have crashed the host: marks in the tables `worker` and `worker_event`, and what a start makes of them.
//!
//! `trying` is 1 while a suspect is handled alone, and 2 once it takes so long that others are handled beside it. `crashes`
//! counts the unclean ends that the event may have caused.

use crate::{StoreError, Tx};
use moothall_core::ids::WorkerId;

/// An event that may have crashed the host.
#[derive(Clone, Copy, Debug)]
pub enum Suspect {
    /// The next event of that worker.
    Next(WorkerId),
    /// The event of that row, which its worker tries again.
    Again(i64),
}

/// Workers of communities whose next event is in the log. A test compares the plan with the index that it is meant for.
const NEXT: &str = "UPDATE worker SET crashes = CASE WHEN crashes > 1 THEN crashes ELSE 1 END \
    WHERE enabled AND community_id <> 0 AND EXISTS (SELECT 1 FROM event \
    WHERE event.community_id = worker.community_id AND position > cursor)";

impl Tx<'_> {
    /// At the host's start: if the process before did not stop cleanly, an event may have crashed it. That is the suspect
    /// that was handled alone; or else one of the suspects that took long; or else the next event of any worker. Each of
    /// those counts a crash.
    pub fn start_workers(&self, now: i64) -> Result<(), StoreError> {
        let clean: bool =
            self.conn.query_row("SELECT clean FROM stop WHERE id = 1", [], |row| row.get(0))?;
        if !clean && self.count_crash(1)? == 0 && self.count_crash(2)? == 0 {
            self.suspect_next(now)?;
        }
        self.conn.execute("UPDATE worker SET trying = 0 WHERE trying <> 0", [])?;
        self.conn.execute("UPDATE worker_event SET trying = 0 WHERE trying <> 0", [])?;
        self.conn.execute("UPDATE stop SET clean = FALSE WHERE id = 1", [])?;
        Ok(())
    }

    /// Counts a crash for the suspects that are marked so. Returns how many there are.
    fn count_crash(&self, mark: u8) -> Result<usize, StoreError> {
        let next = "UPDATE worker SET crashes = crashes + 1 WHERE trying = ?1";
        let again =
            "UPDATE worker_event SET crashes = crashes + 1 WHERE state = 'waiting' AND trying = ?1";
        Ok(self.conn.execute(next, [mark])? + self.conn.execute(again, [mark])?)
    }

    fn suspect_next(&self, now: i64) -> Result<(), StoreError> {
        self.conn.execute(
            "UPDATE worker SET crashes = CASE WHEN crashes > 1 THEN crashes ELSE 1 END WHERE enabled AND community_id = 0 \
             AND EXISTS (SELECT 1 FROM event WHERE position > cursor)",
            [],
        )?;
        self.conn.execute(NEXT, [])?;
        self.conn.execute(
            "UPDATE worker_event SET crashes = CASE WHEN crashes > 1 THEN crashes ELSE 1 END WHERE state = 'waiting' AND due_at <= ?1",
            [now],
        )?;
        Ok(())
    }

    /// Notes that the process stops cleanly.
    pub fn end_workers(&self) -> Result<(), StoreError> {
        self.conn.execute("UPDATE stop SET clean = TRUE WHERE id = 1", [])?;
        Ok(())
    }

    /// Marks that the event is about to be handled alone.
    pub fn mark_alone(&self, suspect: Suspect) -> Result<(), StoreError> {
        self.set_trying(suspect, "1")
    }

    /// The event takes long: from now on others are handled beside it.
    pub fn mark_slow(&self, suspect: Suspect) -> Result<(), StoreError> {
        self.set_trying(suspect, "iif(trying = 1, 2, trying)")
    }

    /// Takes the mark back: the event was not handled.
    pub fn unmark(&self, suspect: Suspect) -> Result<(), StoreError> {
        self.set_trying(suspect, "0")
    }

    fn set_trying(&self, suspect: Suspect, value: &'static str) -> Result<(), StoreError> {
        let (table, id) = match suspect {
            Suspect::Next(worker) => ("worker", worker.0),
            Suspect::Again(id) => ("worker_event", id),
        };
        let set = format!("UPDATE {table} SET trying = {value} WHERE id = ?1");
        self.conn.prepare_cached(&set)?.execute([id])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
