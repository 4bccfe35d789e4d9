//! defects: to be filled.
