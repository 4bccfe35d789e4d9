//! The compilers that run: how many threads each may have.
//!
//! Of many files each is compiled on a core of its own, which wastes nothing on waiting; one alone uses all cores.

use std::sync::atomic::{AtomicUsize, Ordering};

use moothall_core::machine;

/// The most threads of one compiler. Each takes address space, of which `compile_memory_bytes` has to leave the component
/// most: with one for each of 12 cores, a compiler could not even begin.
const THREADS: usize = 8;

/// Counts the compilers that run.
#[derive(Default)]
pub struct Compilers(AtomicUsize);

/// A compiler that runs, until this is dropped.
pub struct RunningCompiler<'a> {
    all: &'a AtomicUsize,
    pub threads: usize,
}

impl Compilers {
    pub fn begin(&self) -> RunningCompiler<'_> {
        let others = self.0.fetch_add(1, Ordering::Relaxed);
        RunningCompiler { all: &self.0, threads: share(machine::cores(), others + 1) }
    }
}

impl Drop for RunningCompiler<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The threads of each of so many compilers.
fn share(cores: usize, compilers: usize) -> usize {
    (cores / compilers).clamp(1, THREADS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compilers_share_the_cores_and_none_has_more_threads_than_its_memory_holds() {
        let threads = |compilers| share(16, compilers);
        assert_eq!([1, 2, 3, 16, 50].map(threads), [8, 8, 5, 1, 1]);
        assert_eq!(share(1, 1), 1);
    }

    #[test]
    fn a_compiler_that_has_ended_leaves_its_share() {
        let compilers = Compilers::default();
        drop((compilers.begin(), compilers.begin()));
        let alone = compilers.begin();
        assert_eq!(alone.threads, share(machine::cores(), 1));
    }
}
