//! webhook_signatures: to be filled.
