//! Work that the host starts by itself: it runs due ticks, hands events to workers and webhook items to their receivers,
//! and sends monitoring points to plugins.

pub mod monitoring;
pub mod scheduler;
pub mod webhooks;
pub mod workers;
