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
}

/// A part of the gauge's memory; given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    gauge: Arc<MemoryGauge>,
    bytes: u64,
}

impl Share {
    pub fn none_of(gauge: Arc<MemoryGauge>) -> Self {
        Self { gauge, bytes: 0 }
    }

    /// Takes so much more, unless all together would then have too much.
    pub fn grow(&mut self, bytes: u64) -> bool {
        let taken = self.gauge.take(bytes);
        if taken {
            self.bytes += bytes;
        }
        taken
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.gauge.used.fetch_sub(self.bytes, Ordering::Relaxed);
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
    memory: Share,
    memory_limit: u64,
    element_limit: usize,
    elements: usize,
    pub refused: Option<Refusal>,
}

impl Limiter {
    pub fn new(gauge: Arc<MemoryGauge>, limits: &Limits) -> Self {
        Self {
            memory: Share::none_of(gauge),
            memory_limit: limits.memory_bytes as u64,
            element_limit: limits.table_elements,
            elements: 0,
            refused: None,
        }
    }

    fn grow_memory(&mut self, bytes: u64) -> bool {
        if self.memory.bytes.saturating_add(bytes) > self.memory_limit {
            self.refused = Some(Refusal::Own(format!("{} bytes of memory", self.memory_limit)));
            return false;
        }
        if !self.memory.grow(bytes) {
            self.refused = Some(Refusal::Shared);
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
