//! Servers that stand in for platforms. Must never know what a test expects of the host.

pub mod oauth;
