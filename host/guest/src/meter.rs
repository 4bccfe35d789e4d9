//! A guest's time on the processor: CPU budget, wall clock, and fairness between plugins.
//!
//! The epoch ticks every millisecond. A call that is still running at a tick yields, and goes on when it holds its
//! plugin's one long-call permit of this runtime: however many calls of a plugin spin, together they get the time of
//! one. The CPU clock is read only from a call's first tick on, which is charged as a whole millisecond, so that a short
//! call makes no system call for it.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

use moothall_core::clock::thread_cpu_time;

/// The length of an epoch.
pub const TICK: Duration = Duration::from_millis(1);

thread_local! {
    /// The CPU time of the call that this thread polls now.
    static CPU_TIME: Cell<CpuTime> = const { Cell::new(CpuTime { before: Duration::ZERO, since: None }) };
    /// The long-call permit of the call that this thread polls now. A call has it for one poll:
    /// whatever it waits for, others go on meanwhile.
    static PERMIT: Cell<Option<OwnedSemaphorePermit>> = const { Cell::new(None) };
    /// Which of the host's runtimes this thread belongs to.
    static RUNTIME: Cell<usize> = const { Cell::new(0) };
}

/// CPU time of a call: what earlier polls used, and when this poll's count began.
#[derive(Clone, Copy)]
struct CpuTime {
    before: Duration,
    since: Option<Duration>,
}

impl CpuTime {
    fn spent(self) -> Duration {
        self.before
            + self
                .since
                .map_or(Duration::ZERO, |since| thread_cpu_time().saturating_sub(since) + TICK)
    }
}

/// Says which of the host's runtimes this thread drives; each has its own long-call permits.
pub fn enter_runtime(number: usize) {
    RUNTIME.set(number);
}

/// A plugin's long-call permits, one for each runtime.
#[derive(Debug)]
pub struct LongCalls(Box<[Arc<Semaphore>]>);

impl LongCalls {
    pub fn new(runtimes: usize) -> Self {
        Self((0..runtimes.max(1)).map(|_| Arc::new(Semaphore::new(1))).collect())
    }

    fn of_this_runtime(&self) -> Arc<Semaphore> {
        self.0[RUNTIME.get() % self.0.len()].clone()
    }
}

/// What becomes of a guest that is still running when the epoch ticks.
pub enum Tick {
    OutOfCpu,
    /// The guest goes on when this future is done.
    Yield(Pin<Box<dyn Future<Output = ()> + Send>>),
}

/// Counts the tick of the call that this thread polls now.
pub fn tick(cpu_budget: Duration, long_calls: &LongCalls) -> Tick {
    let mut cpu_time = CPU_TIME.get();
    cpu_time.since.get_or_insert_with(thread_cpu_time);
    CPU_TIME.set(cpu_time);
    if cpu_time.spent() > cpu_budget {
        return Tick::OutOfCpu;
    }
    let permits = long_calls.of_this_runtime();
    Tick::Yield(Box::pin(async move {
        // The semaphore is never closed. The permit is taken before the yield, so that the runtime's other tasks run
        // between two calls of the same plugin.
        let permit = permits.acquire_owned().await.ok();
        tokio::task::yield_now().await;
        PERMIT.set(permit);
    }))
}

/// How a metered call ended.
pub enum Metered<T> {
    Done(T),
    /// The time limit was reached, and the call's future was dropped.
    OutOfTime,
}

/// Polls `call`, counts its CPU time and ends it after `wall`. The timer is set only if the call
/// waits at all.
pub async fn metered<F: Future>(
    mut call: Pin<&mut F>,
    wall: Duration,
) -> (Metered<F::Output>, Duration) {
    let mut timer: Option<Pin<Box<Sleep>>> = None;
    let mut spent = Duration::ZERO;
    let end = poll_fn(|cx| {
        CPU_TIME.set(CpuTime { before: spent, since: None });
        let polled = call.as_mut().poll(cx);
        spent = CPU_TIME.get().spent();
        drop(PERMIT.take());
        match polled {
            Poll::Ready(output) => Poll::Ready(Metered::Done(output)),
            Poll::Pending => {
                let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(wall)));
                timer.as_mut().poll(cx).map(|()| Metered::OutOfTime)
            }
        }
    });
    let end = end.await;
    (end, spent)
}
