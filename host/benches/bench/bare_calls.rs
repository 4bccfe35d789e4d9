//! The process that makes calls without a host: fresh store, instance, `times-two`, drop. Must
//! never use anything of the host except its engine settings and how it links a component's core modules.

use std::path::Path;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use bindings::{ActionsExports, ActionsExportsPre};
use moothall_core::config::Limits;
use moothall_engine::plugins::compile::relink;
use moothall_guest::engine;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::rows::median;
use super::sandbox::{CalledGuest, Calls, Run, Settings};
use super::{helper_process, process};

/// A module of its own, because the generated code has a module `moothall`, too.
mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "moothall:plugin/actions-exports",
        exports: { default: async },
    });
}

/// Reads its task from standard input, and reports on standard output.
pub fn answer() -> Result<()> {
    let run: Run = helper_process::task()?;
    let sandbox = Sandbox::new(&run).map_err(|error| anyhow!("{error:?}"))?;
    helper_process::report(&sandbox.measure(&run)?)
}

struct State {
    wasi: Option<WasiCtx>,
    table: ResourceTable,
}

impl WasiView for State {
    /// Made when the guest first needs it, as in the host.
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let ctx = self.wasi.get_or_insert_with(|| WasiCtxBuilder::new().build());
        WasiCtxView { ctx, table: &mut self.table }
    }
}

struct Sandbox {
    engine: Engine,
    pre: ActionsExportsPre<State>,
}

impl Sandbox {
    fn new(run: &Run) -> wasmtime::Result<Self> {
        let engine = Engine::new(&run.settings.config())?;
        if run.settings == Settings::Ours {
            engine::start_ticker(&engine)?;
        }
        let component = Component::new(&engine, run.settings.component(&run.component)?)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        // `times-two` calls none of the others.
        linker.define_unknown_imports_as_traps(&component)?;
        let pre = ActionsExportsPre::new(linker.instantiate_pre(&component)?)?;
        Ok(Self { engine, pre })
    }

    fn measure(&self, run: &Run) -> Result<Calls> {
        let (warm, done) = (Barrier::new(run.threads + 1), Barrier::new(run.threads + 1));
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..run.threads).map(|_| scope.spawn(|| self.thread(run, &warm, &done))).collect();
            warm.wait();
            let cpu = process::cpu(std::process::id())?;
            done.wait();
            let cpu = process::cpu(std::process::id())?.saturating_sub(cpu);
            let mut times = Vec::new();
            for thread in threads {
                times.extend(
                    thread.join().map_err(|_| anyhow!("a thread that makes calls panicked"))??,
                );
            }
            let (calls, seconds) = (times.len() as f64, run.window.as_secs_f64());
            Ok(Calls {
                per_second: calls / seconds,
                p50_us: median(&times) * 1e6,
                cpu_us: cpu.as_secs_f64() * 1e6 / calls,
            })
        })
    }

    /// The seconds that each call took.
    fn thread(&self, run: &Run, warm: &Barrier, done: &Barrier) -> Result<Vec<f64>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let warmed = runtime.block_on(self.calls_for(run.warm_up, run.guest));
        warm.wait();
        let called = runtime.block_on(self.calls_for(run.window, run.guest));
        done.wait();
        warmed.and(called).map_err(|error| anyhow!("{error:?}"))
    }

    async fn calls_for(&self, time: Duration, guest: CalledGuest) -> wasmtime::Result<Vec<f64>> {
        let mut times = Vec::with_capacity(1 << 20);
        let mut live = match guest {
            CalledGuest::Resident => Some(self.instance().await?),
            CalledGuest::Fresh => None,
        };
        let begun = Instant::now();
        let mut before = Duration::ZERO;
        while before < time {
            match &mut live {
                Some((store, plugin)) => call(store, plugin).await?,
                None => {
                    let (mut store, plugin) = self.instance().await?;
                    call(&mut store, &plugin).await?;
                }
            }
            let now = begun.elapsed();
            times.push((now - before).as_secs_f64());
            before = now;
        }
        Ok(times)
    }

    async fn instance(&self) -> wasmtime::Result<(Store<State>, ActionsExports)> {
        let mut store = Store::new(&self.engine, State { wasi: None, table: ResourceTable::new() });
        // Without effect where epochs are off, as they are by default.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let plugin = self.pre.instantiate_async(&mut store).await?;
        Ok((store, plugin))
    }
}

async fn call(store: &mut Store<State>, plugin: &ActionsExports) -> wasmtime::Result<()> {
    let (actions, parameters) = (plugin.moothall_plugin_actions(), r#"{"value":21}"#.to_owned());
    let answer = actions.call_perform(store, "times-two", &parameters).await?;
    match answer {
        Ok(Some(result)) if result == r#"{"result":42}"# => Ok(()),
        other => Err(wasmtime::Error::msg(format!("twice 21 is not {other:?}"))),
    }
}

impl Settings {
    /// As the host compiles it, or as it is.
    fn component(self, file: &Path) -> wasmtime::Result<Vec<u8>> {
        let bytes = std::fs::read(file)?;
        match self {
            Self::Ours => {
                relink(&bytes).map_err(|unfamiliar| wasmtime::Error::msg(unfamiliar.to_string()))
            }
            Self::DefaultPooling => Ok(bytes),
        }
    }

    fn config(self) -> Config {
        match self {
            Self::Ours => engine::config(&Limits::default(), engine::Allocator::Pooling),
            Self::DefaultPooling => {
                let mut config = Config::new();
                config.allocation_strategy(InstanceAllocationStrategy::Pooling(
                    PoolingAllocationConfig::new(),
                ));
                config
            }
        }
    }
}
