//! webhooks: to be filled.
