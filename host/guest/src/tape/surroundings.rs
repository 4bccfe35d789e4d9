//! Clocks and randomness of a guest with a tape: the real ones, noted; or the recorded ones.

use std::convert::Infallible;
use std::time::Duration;

use rand_core::TryRng;
use wasmtime_wasi::Rng as _;
use wasmtime_wasi::clocks::{MonotonicClock, WallClock};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder};

use super::{Reel, Tape};

/// Gives the guest clocks and randomness that go by the tape.
pub fn surround(builder: &mut WasiCtxBuilder, tape: &Tape) {
    let source = |is_secure| TapedRandomness { tape: tape.clone(), is_secure };
    builder
        .wall_clock(TapedClock { tape: tape.clone(), real: WallClock::new() })
        .monotonic_clock(TapedClock { tape: tape.clone(), real: MonotonicClock::new() })
        .secure_random(source(true))
        .insecure_random(source(false))
        .insecure_random_seed(tape.seed());
}

/// A clock that the tape knows of.
struct TapedClock<Clock> {
    tape: Tape,
    real: Clock,
}

impl HostWallClock for TapedClock<WallClock> {
    fn resolution(&self) -> Duration {
        self.real.resolution()
    }

    fn now(&self) -> Duration {
        match &mut *self.tape.reel() {
            Reel::Replaying(replayer) => Duration::from_nanos(replayer.wall()),
            Reel::Recording(recorder) => {
                let now = self.real.now();
                recorder.wall(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX));
                now
            }
        }
    }
}

impl HostMonotonicClock for TapedClock<MonotonicClock> {
    fn resolution(&self) -> u64 {
        self.real.resolution()
    }

    fn now(&self) -> u64 {
        match &mut *self.tape.reel() {
            Reel::Replaying(replayer) => replayer.monotonic(),
            Reel::Recording(recorder) => {
                let now = self.real.now();
                recorder.monotonic(now);
                now
            }
        }
    }
}

struct TapedRandomness {
    tape: Tape,
    is_secure: bool,
}

impl TryRng for TapedRandomness {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        match &mut *self.tape.reel() {
            Reel::Replaying(replayer) => replayer.random(bytes, self.is_secure),
            Reel::Recording(recorder) => {
                fresh(bytes);
                recorder.random(bytes, self.is_secure);
            }
        }
        Ok(())
    }
}

/// Random bytes, as a guest without a tape gets them.
fn fresh(bytes: &mut [u8]) {
    wasmtime_wasi::random::thread_rng().fill_bytes(bytes);
}

impl Tape {
    fn seed(&self) -> u128 {
        match &mut *self.reel() {
            Reel::Replaying(replayer) => replayer.seed(),
            Reel::Recording(recorder) => {
                let mut bytes = [0; 16];
                fresh(&mut bytes);
                let seed = u128::from_le_bytes(bytes);
                recorder.seed(seed);
                seed
            }
        }
    }
}
