//! The one place that waits: for something that can be seen, never for time to pass.

use std::time::{Duration, Instant};

/// A compiler runs behind everything else: beside busy neighbours a second of its work takes a minute.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(10);

/// Looks until there is something to see; fails, saying what it waited for, after 120 s.
pub async fn until<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, look).await
}

pub async fn until_within<T>(
    patience: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let begin = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(begin.elapsed() < patience, "waited {patience:?} in vain until {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
