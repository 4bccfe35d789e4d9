//! The `moothall` binary.

fn main() {}
