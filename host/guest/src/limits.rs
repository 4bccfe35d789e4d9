//! What bounds a guest's memory and tables.
//!
//! A refused growth is remembered: a guest that gives up because of it traps like after any other panic, and only this
//! record tells the two apart.

use std::sync::Arc;

use wasmtime::ResourceLimiter;

use super::memory::{Full, MemoryReservation, Of, PluginMemory};
use moothall_core::config::Limits;

/// What a guest was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Its own limit, with its value.
    Own(String),
    /// A limit that it shares with other guests.
    Shared(Full),
}

/// Counts one guest's growth against its limits.
pub struct Limiter {
    memory: MemoryReservation,
    memory_limit: u64,
    element_limit: usize,
    elements: usize,
    pub refused: Option<Refusal>,
}

impl Limiter {
    pub fn new(memory: Arc<PluginMemory>, of: Of, limits: &Limits) -> Self {
        Self {
            memory: MemoryReservation::none_of(memory, of),
            memory_limit: limits.memory_bytes as u64,
            element_limit: limits.table_elements,
            elements: 0,
            refused: None,
        }
    }

    fn grow_memory(&mut self, bytes: u64) -> bool {
        if self.memory.bytes().saturating_add(bytes) > self.memory_limit {
            self.refused = Some(Refusal::Own(format!("{} bytes of memory", self.memory_limit)));
            return false;
        }
        if let Err(full) = self.memory.grow(bytes) {
            self.refused = Some(Refusal::Shared(full));
            return false;
        }
        true
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow_memory(desired.saturating_sub(current) as u64))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let elements = self.elements.saturating_add(desired.saturating_sub(current));
        if elements > self.element_limit {
            self.refused = Some(Refusal::Own(format!("{} table elements", self.element_limit)));
            return Ok(false);
        }
        self.elements = elements;
        Ok(true)
    }
}
