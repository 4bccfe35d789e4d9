//! schedules: to be filled.
