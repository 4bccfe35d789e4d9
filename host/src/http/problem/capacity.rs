//! Failures for lack of capacity: the client may retry.

use axum::http::StatusCode;

use super::Problem;
use super::code::Code;

impl Problem {
    pub fn no_room(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::Overloaded, detail).later()
    }

    /// The caller has stored as much as it may in a day.
    pub fn day_used_up(limit: u64, seconds: i64) -> Self {
        let detail = format!(
            "This API key has had {limit} bytes stored today ([limits] driver_bytes_per_day): published events and \
             answers that are remembered for an Idempotency-Key. There is room again in {seconds} seconds; what needs \
             nothing stored for it is answered as ever without the header"
        );
        let mut problem = Self::new(StatusCode::TOO_MANY_REQUESTS, Code::DayUsedUp, detail);
        problem.retry = u32::try_from(seconds).ok();
        problem
    }

    pub fn not_ready(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::NotReady, detail).later()
    }
}
