//! processes: to be filled.
