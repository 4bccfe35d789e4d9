//! The only place where tests wait: for a condition, never for time to pass.

use std::time::{Duration, Instant};

/// The longest wait. Compilation has the lowest priority: on a busy machine, a second of its work
/// may take a minute.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(10);

/// Checks until there is a result; fails after 120 s, and says what it waited for.
pub async fn until<T>(what: &str, poll: impl AsyncFnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, poll).await
}

pub async fn until_within<T>(
    patience: Duration,
    what: &str,
    mut poll: impl AsyncFnMut() -> Option<T>,
) -> T {
    let begin = Instant::now();
    loop {
        if let Some(seen) = poll().await {
            return seen;
        }
        assert!(begin.elapsed() < patience, "waited {patience:?} in vain until {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
