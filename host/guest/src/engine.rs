//! The engine's settings: one function for the host and for the compiling child process, so that
//! code compiled by one fits the other.
//!
//! The reasons are measured: see `docs/decisions/0002-engine-settings.md`.

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::meter::TICK;
use moothall_core::config::Limits;

/// Component instances that `describe` may need, besides those of calls and residents.
const SPARE_INSTANCES: u32 = 8;
/// Guest stack, in bytes.
const WASM_STACK_BYTES: usize = 512 << 10;
/// Stack of a call's fiber: the guest's and what host functions need on top.
const FIBER_STACK_BYTES: usize = 2 << 20;
/// Memory that a used slot of the pool keeps for its next instance, in bytes, where the kernel can tell which pages were written.
const KEEP_BYTES: usize = 4 << 20;
/// Table memory that a used slot keeps for its next instance, in bytes.
const KEEP_TABLE_BYTES: usize = 64 << 10;
/// Largest bookkeeping of one core instance or component instance, in bytes.
const INSTANCE_BYTES: usize = 2 << 20;

/// Where instances' memory comes from. It does not change the code that is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocator {
    /// A pool as large as the limits say: for the host.
    Pooling,
    /// For a process that compiles only.
    OnDemand,
}

pub fn config(limits: &Limits, allocator: Allocator) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .concurrency_support(false)
        .gc_support(false)
        .wasm_component_model(true)
        .memory_init_cow(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES);
    if allocator == Allocator::Pooling {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)));
    }
    config
}

fn pool(limits: &Limits) -> PoolingAllocationConfig {
    let instances = limits.calls.saturating_add(limits.residents).saturating_add(SPARE_INSTANCES);
    let each = |of_component: u32| instances.saturating_mul(of_component);
    let Limits { core_instances_per_component, memories_per_component, .. } = *limits;
    let tables_per_component = limits.tables_per_component;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(each(core_instances_per_component))
        .total_memories(each(memories_per_component))
        .total_tables(each(tables_per_component))
        .total_stacks(instances)
        .max_core_instances_per_component(core_instances_per_component)
        .max_memories_per_component(memories_per_component)
        .max_memories_per_module(memories_per_component)
        .max_tables_per_component(tables_per_component)
        .max_tables_per_module(tables_per_component)
        .max_component_instance_size(INSTANCE_BYTES)
        .max_core_instance_size(INSTANCE_BYTES)
        .max_memory_size(limits.memory_bytes)
        .table_elements(limits.table_elements)
        .max_unused_warm_slots(limits.warm_slots)
        .pagemap_scan(Enabled::Auto);
    // Without the scan a kept page must be cleared whether it was written or not, which costs more
    // than giving it back.
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.linear_memory_keep_resident(KEEP_BYTES).table_keep_resident(KEEP_TABLE_BYTES);
    }
    pool
}

/// A module with one empty function.
const EMPTY: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x04\x01\x02\0\x0b";

/// Whether native code can be run at all. Where memory may not become executable, no plugin can.
pub fn require_native_code(engine: &Engine) -> Result<(), String> {
    wasmtime::Module::new(engine, EMPTY).map(drop).map_err(|error| {
        format!(
            "native code cannot be run, so that no plugin could serve: this process may not make memory executable; in a unit of systemd remove MemoryDenyWriteExecute=yes, elsewhere what denies it in the same way (PR_SET_MDWE, a seccomp filter, SELinux without execmem): {error:#}"
        )
    })
}

/// Whether the kernel can tell which pages were written, so that reused slots are fast; the log says so at start.
pub fn has_fast_reset() -> bool {
    PoolingAllocationConfig::is_pagemap_scan_available()
}

/// Starts the thread that advances the engine's epoch. It stops when the engine is gone.
pub fn start_ticker(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new().name("epoch-ticker".into()).spawn(move || {
        loop {
            std::thread::sleep(TICK);
            let Some(engine) = engine.upgrade() else { return };
            engine.increment_epoch();
        }
    })?;
    Ok(())
}
