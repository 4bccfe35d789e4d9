//! What one call may send and connect to, and what it has sent: grants, limits and the one client.

mod outgoing;
mod sending;
mod taped;
mod tcp;

pub use outgoing::Outgoing;
pub use sending::{Permit, Sending, guest_error};
pub use tcp::{NO_LISTENING, OpenSockets, TcpGate, allow};
