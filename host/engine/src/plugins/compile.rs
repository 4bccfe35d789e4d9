//! From a plugin file's bytes to a component, through native code kept on disk.
//!
//! Compilation happens in a child process (`child`) with bounded memory and time: what it meets
//! there ends the child, not the host. Native code is loaded only if its hash is the one the
//! database has for the file's content.

mod cache;
mod child;
mod compilers;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod filter;
mod interfaces;
mod relink;

pub use cache::{Cache, digest};
pub use child::{Bounds, compile_here};
pub use compilers::Compilers;
pub use interfaces::Interfaces;
pub use relink::{Unfamiliar, relink};

use std::io::Write as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use wasmtime::Engine;
pub use wasmtime::component::Component;

use moothall_core::config::Limits;

/// How many bytes of the compiler's messages are kept.
const SAID_BYTES: u64 = 16 << 10;

/// Says what the bytes are if they are no component.
pub fn is_component(bytes: &[u8]) -> Result<(), String> {
    match (bytes.get(..4), bytes.get(4..8)) {
        (Some(b"\0asm"), Some([0x0d, 0, 1, 0])) => Ok(()),
        (Some(b"\0asm"), Some([1, 0, 0, 0])) => {
            Err("it is a core module, not a component; build it for the target wasm32-wasip2"
                .into())
        }
        (Some(b"\0asm"), _) => Err("it is a component in a format this host does not know".into()),
        _ => Err("it is not a WebAssembly file".into()),
    }
}

/// Reads native code whose hash is `hash`; or says why it has to be made again.
pub fn read(file: &Path, hash: &str) -> Result<Vec<u8>, String> {
    let code = std::fs::read(file)
        .map_err(|error| format!("its compiled code cannot be read: {error}"))?;
    match digest(&code) == hash {
        true => Ok(code),
        false => Err("its compiled code is not what was written".into()),
    }
}

/// Loads native code that `read` returned; or says why this host has no room for it. What is loaded is what was hashed: a
/// copy that nobody else can reach, so that the file may change or go meanwhile and afterwards.
#[expect(unsafe_code, reason = "see SAFETY")]
pub fn load(engine: &Engine, code: &[u8]) -> Result<Component, String> {
    // SAFETY: the bytes are what our own compiler wrote: their hash is the one kept in the
    // database, and what is mapped is sealed with exactly these bytes in it.
    let loaded = unsafe { deserialize(engine, code) };
    loaded.map_err(|error| does_not_fit(&format!("{error:#}")))
}

/// Names the setting that makes room for such code.
fn does_not_fit(why: &str) -> String {
    let settings = [
        ("core module instances,", "core_instances_per_component"),
        ("linear memories,", "memories_per_component"),
        ("defined memories", "memories_per_component"),
        (" tables,", "tables_per_component"),
        ("defined tables", "tables_per_component"),
        ("module memory does not fit", "memory_bytes"),
        ("module table does not fit", "table_elements"),
    ];
    let setting = settings.iter().find(|(words, _)| why.contains(words));
    let raise = setting.map(|(_, setting)| {
        format!("; raise {setting} in [limits] of moothall.toml and start the host again")
    });
    format!("it does not fit into this host: {why}{}", raise.unwrap_or_default())
}

/// From a sealed file in memory: mapped as a file is, so that guests' memories begin as copies on write of it.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "as `Component::deserialize`")]
unsafe fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    use std::os::fd::AsRawFd;
    let sealed = sealed(code)?;
    // SAFETY: the caller's, and nobody can write to a sealed file.
    unsafe { Component::deserialize_file(engine, format!("/proc/self/fd/{}", sealed.as_raw_fd())) }
}

#[cfg(target_os = "linux")]
fn sealed(code: &[u8]) -> std::io::Result<std::fs::File> {
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = std::fs::File::from(memfd_create("moothall-code", flags)?);
    file.write_all(code)?;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    fcntl_add_seals(&file, seals)?;
    Ok(file)
}

#[cfg(not(target_os = "linux"))]
#[expect(unsafe_code, reason = "as `Component::deserialize`")]
unsafe fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the caller's.
    unsafe { Component::deserialize(engine, code) }
}

/// Compiles in a child process into `file`, on as many threads; returns the native code.
pub async fn compile(
    wasm: Vec<u8>,
    file: &Path,
    limits: &Limits,
    threads: usize,
) -> Result<Vec<u8>, String> {
    let partial = file.with_extension("partial");
    let child = start(&partial, limits, threads)
        .map_err(|error| format!("the compiler cannot start: {error}"));
    let outcome = match child {
        Ok(child) => await_code(child, wasm, limits).await,
        Err(error) => Err(error),
    };
    let kept = outcome.and_then(|()| keep(&partial, file));
    if kept.is_err() {
        // The file may not exist.
        drop(std::fs::remove_file(&partial));
    }
    kept
}

fn keep(partial: &Path, file: &Path) -> Result<Vec<u8>, String> {
    let kept =
        std::fs::read(partial).and_then(|code| std::fs::rename(partial, file).map(|()| code));
    kept.map_err(|error| format!("its compiled code cannot be kept: {error}"))
}

async fn await_code(mut child: Child, wasm: Vec<u8>, limits: &Limits) -> Result<(), String> {
    let wall = Duration::from_millis(limits.compile_wall_ms);
    match tokio::time::timeout(wall, converse(&mut child, wasm)).await {
        Ok(Ok((status, said))) if !status.success() => Err(why(status, &said, limits)),
        Ok(Ok((_, said))) if !said.is_empty() => {
            tracing::warn!("the compiler says: {said}");
            Ok(())
        }
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(format!("the compiler cannot be talked to: {error}")),
        Err(_) => {
            // The child may have ended already.
            drop(child.start_kill());
            Err(format!("compiling took longer than {} ms (compile_wall_ms)", wall.as_millis()))
        }
    }
}

fn start(partial: &Path, limits: &Limits, threads: usize) -> std::io::Result<Child> {
    Command::new("/proc/self/exe")
        .arg("compile")
        .arg("--memory-bytes")
        .arg(limits.compile_memory_bytes.to_string())
        .arg("--cpu-seconds")
        .arg(limits.compile_cpu_ms.div_ceil(1000).to_string())
        .arg("--output-bytes")
        .arg(limits.compile_output_bytes.to_string())
        .arg(partial)
        // The compiler gets nothing of the host's environment.
        .env_clear()
        // The allocators would reserve all the address space that the process may have.
        .env("MIMALLOC_ARENA_RESERVE", "32MiB")
        .env("MALLOC_ARENA_MAX", "1")
        .env("RAYON_NUM_THREADS", threads.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
}

async fn converse(child: &mut Child, wasm: Vec<u8>) -> std::io::Result<(ExitStatus, String)> {
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let write = async move {
        if let Some(mut stdin) = stdin {
            // A compiler that gives up early closes its end; its exit status says why.
            drop(stdin.write_all(&wasm).await);
        }
    };
    let read = async move {
        let mut said = Vec::new();
        if let Some(stderr) = stderr {
            stderr.take(SAID_BYTES).read_to_end(&mut said).await?;
        }
        std::io::Result::Ok(String::from_utf8_lossy(&said).trim().to_owned())
    };
    let ((), said) = tokio::join!(write, read);
    Ok((child.wait().await?, said?))
}

fn why(status: ExitStatus, said: &str, limits: &Limits) -> String {
    use std::os::unix::process::ExitStatusExt;
    if status.code() == Some(1) && !said.is_empty() {
        return instead(said.trim_start_matches("moothall: "));
    }
    tracing::warn!(said, "the compiler failed ({status})");
    let Some(signal) = status.signal() else {
        return "the compiler failed; the host's log has what it said".into();
    };
    if signal == Signal::XCPU.as_raw() {
        return format!(
            "compiling took more than {} ms of CPU time (compile_cpu_ms)",
            limits.compile_cpu_ms
        );
    }
    if signal == Signal::XFSZ.as_raw() {
        return format!(
            "its native code has more than {} bytes (compile_output_bytes)",
            limits.compile_output_bytes
        );
    }
    format!(
        "the compiler was ended by signal {signal}; the file may need more than compile_memory_bytes ({})",
        limits.compile_memory_bytes
    )
}

/// What the compiler says of a component that uses what this host does not have, and what to build in its place.
fn instead(said: &str) -> String {
    let feature = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let hint = if feature(&["component model async", "component-model-async", "async feature"]) {
        "it is built for the async functions of the component model (WASI 0.3), which this host does not have: build it with synchronous exports, for WASI 0.2 (in Rust for the target wasm32-wasip2, with `async: false` or none in wit-bindgen)"
    } else if feature(&["gc proposal", "requires gc", "gc feature", "exceptions proposal"]) {
        "it uses garbage collection or exceptions of WebAssembly, which this host does not have: build it for a target without them"
    } else {
        return said.to_owned();
    };
    format!("{hint}; the compiler says: {said}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_component_is_told_apart() {
        assert!(is_component(b"\0asm\x0d\0\x01\0").is_ok());
        assert!(is_component(b"\0asm\x01\0\0\0").unwrap_err().contains("core module"));
        assert!(is_component(b"#!/bin/sh").unwrap_err().contains("not a WebAssembly file"));
        assert!(is_component(b"").unwrap_err().contains("not a WebAssembly file"));
    }
}
