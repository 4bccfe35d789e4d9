//! The compiling child process (`moothall compile`): a component on standard input, native code into a file.
//!
//! It trusts nothing that it reads. First it limits its own memory, time and output; then, before it looks at the
//! component, it gives up every system call that could reach beyond the process.

use std::io::{Read, Write};
use std::path::Path;

use rustix::process::{Resource, Rlimit, setpriority_process, setrlimit};
use wasmtime::Engine;

use super::relink::relink;
use moothall_core::config::Limits;
use moothall_guest::engine::{Allocator, config};

/// Priority of the compiling process: behind whatever serves requests.
const NICE: i32 = 10;

/// What the process may use.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Address space.
    pub memory_bytes: u64,
    /// CPU time of all its threads.
    pub cpu_seconds: u64,
    /// The native code.
    pub output_bytes: u64,
}

pub fn compile_here(file: &Path, bounds: Bounds) -> Result<(), String> {
    bound_this_process(bounds)
        .map_err(|error| format!("the compiler cannot bound itself: {error}"))?;
    precompile(file).map_err(|error| format!("{error:#}"))
}

fn bound_this_process(bounds: Bounds) -> std::io::Result<()> {
    for (resource, most, beyond) in [
        (Resource::As, bounds.memory_bytes, 0),
        // At the first of the two limits the process gets a signal that says why it ends.
        (Resource::Cpu, bounds.cpu_seconds, 1),
        (Resource::Fsize, bounds.output_bytes, 0),
        // A dump would lie in the data directory, with the component in it.
        (Resource::Core, 0, 0),
    ] {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most + beyond) })?;
    }
    setpriority_process(None, NICE)?;
    Ok(())
}

fn precompile(file: &Path) -> wasmtime::Result<()> {
    let mut wasm = Vec::new();
    std::io::stdin().read_to_end(&mut wasm)?;
    let mut native = std::fs::File::create(file)?;
    let engine = Engine::new(&config(&Limits::default(), Allocator::OnDemand))?;
    shut_in()?;
    let code = compiled(&engine, &wasm)?;
    native.write_all(&code)?;
    Ok(())
}

/// Native code of the component with its core modules linked anew; of the component itself if that cannot be.
fn compiled(engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Vec<u8>> {
    match relink(wasm).map(|relinked| engine.precompile_component(&relinked)) {
        Ok(Ok(code)) => Ok(code),
        _ => engine.precompile_component(wasm),
    }
}

/// From here on nothing can be opened, connected to or started, also by threads that begin later.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn shut_in() -> wasmtime::Result<()> {
    super::filter::apply().map_err(|error| {
        wasmtime::Error::msg(format!("the compiler cannot give up its system calls: {error}"))
    })
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn shut_in() -> wasmtime::Result<()> {
    Ok(())
}
