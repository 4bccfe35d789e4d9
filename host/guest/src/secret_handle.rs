//! A secret that is set, as a guest holds it: a handle, never the value.

use secrecy::SecretString;

use super::memory::MemoryReservation;

pub struct SecretHandle {
    /// How grants name it: a JSON Pointer into the config, or `settings:<name>`.
    pub grant: String,
    pub value: SecretString,
    /// Counts the value as guests' memory until the handle is dropped.
    pub _reservation: MemoryReservation,
}
