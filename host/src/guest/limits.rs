//! What bounds a guest's memory and tables, and all guests' memory together.
//!
//! A refused growth is remembered: a guest that then gives up traps like any other panic, and only
//! this tells the two apart.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::ResourceLimiter;

use crate::config::Limits;

/// Memory of all guests together, in bytes.
#[derive(Debug)]
pub struct MemoryGauge {
    used: AtomicU64,
    limit: u64,
}

impl MemoryGauge {
    pub fn new(limit: u64) -> Self {
        Self { used: AtomicU64::new(0), limit }
    }

    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: u64) -> bool {
        if self.used.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) <= self.limit {
            return true;
        }
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        false
    }

    fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What a guest was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A limit of its own: what, and how much.
    Own(String),
    /// All guests together use too much.
    Shared,
}

/// Counts one call's growth against its limits.
pub struct Limiter {
    gauge: Arc<MemoryGauge>,
    memory_limit: u64,
    memory: u64,
    element_limit: usize,
    elements: usize,
    pub refused: Option<Refusal>,
}

impl Limiter {
    pub fn new(gauge: Arc<MemoryGauge>, limits: &Limits) -> Self {
        Self {
            gauge,
            memory_limit: limits.memory_bytes as u64,
            memory: 0,
            element_limit: limits.table_elements,
            elements: 0,
            refused: None,
        }
    }

    fn grow_memory(&mut self, bytes: u64) -> bool {
        if self.memory.saturating_add(bytes) > self.memory_limit {
            self.refused = Some(Refusal::Own(format!("{} bytes of memory", self.memory_limit)));
            return false;
        }
        if !self.gauge.take(bytes) {
            self.refused = Some(Refusal::Shared);
            return false;
        }
        self.memory += bytes;
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

impl Drop for Limiter {
    fn drop(&mut self) {
        self.gauge.give_back(self.memory);
    }
}
