//! drivers: to be filled.
