//! The process that calls a component of a given shape, each call in a new instance. Must never use anything of the host
//! except its engine settings and what it does to a component before it compiles it.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use moothall_core::config::Limits;
use moothall_guest::engine;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime::{Engine, Store};

use super::sandbox_shapes::{ShapedCalls, ShapedRun};
use super::{helper_process, process};

/// Calls between two looks at the clock.
const AT_ONCE: u64 = 256;

/// Reads its task from standard input, and reports on standard output.
pub fn answer() -> Result<()> {
    let run: ShapedRun = helper_process::task()?;
    let sandbox = ShapedSandbox::new(&run)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let calls_for = |time| {
        let calls = runtime.block_on(sandbox.calls_for(time));
        calls.map_err(|error| anyhow!("{error:?}"))
    };
    calls_for(run.warm_up)?;
    let before = process::cpu(std::process::id())?;
    let calls = calls_for(run.window)?;
    let cpu = process::cpu(std::process::id())?.saturating_sub(before);
    let (calls, seconds) = (calls as f64, run.window.as_secs_f64());
    helper_process::report(&ShapedCalls {
        per_second: calls / seconds,
        cpu_us: cpu.as_secs_f64() * 1e6 / calls,
    })
}

struct ShapedSandbox {
    engine: Engine,
    pre: InstancePre<()>,
    run: ComponentExportIndex,
}

impl ShapedSandbox {
    fn new(run: &ShapedRun) -> Result<Self> {
        let bytes = run.shape.component()?;
        let bytes =
            if run.relinked { moothall_engine::plugins::compile::relink(&bytes)? } else { bytes };
        Self::load(&bytes).map_err(|error| anyhow!("{error:?}"))
    }

    fn load(bytes: &[u8]) -> wasmtime::Result<Self> {
        let engine = Engine::new(&engine::config(&Limits::default(), engine::Allocator::Pooling))?;
        engine::start_ticker(&engine)?;
        let component = Component::new(&engine, bytes)?;
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component)?;
        let run = component
            .get_export_index(None, "run")
            .ok_or_else(|| wasmtime::Error::msg("no `run`"))?;
        let pre = linker.instantiate_pre(&component)?;
        Ok(Self { engine, pre, run })
    }

    async fn calls_for(&self, time: Duration) -> wasmtime::Result<u64> {
        let (begun, mut calls) = (Instant::now(), 0);
        while begun.elapsed() < time {
            for _ in 0..AT_ONCE {
                self.call().await?;
            }
            calls += AT_ONCE;
        }
        Ok(calls)
    }

    async fn call(&self) -> wasmtime::Result<()> {
        let mut store = Store::new(&self.engine, ());
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let instance = self.pre.instantiate_async(&mut store).await?;
        let run = instance.get_typed_func::<(), (String,)>(&mut store, &self.run)?;
        run.call_async(&mut store, ()).await?;
        Ok(())
    }
}
