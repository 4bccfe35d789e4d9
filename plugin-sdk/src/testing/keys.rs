//! A pair of RSA keys for tests of plugins that sign with [`jwt`](crate::jwt). Everybody has the private one: it
//! protects nothing.

/// A private key of 2048 bits, in PEM as GitHub gives it to the owner of an app (PKCS#1).
pub const PRIVATE_KEY: &str = include_str!("keys/private.pem");

/// Its public key, in PEM (PKCS#1).
pub const PUBLIC_KEY: &str = include_str!("keys/public.pem");
