//! global_webhooks: to be filled.
