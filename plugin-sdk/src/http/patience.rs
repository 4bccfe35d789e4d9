//! Waits when a platform says that it is asked too often, and asks again. The call waits with its instance's lock, if it
//! has taken it, so that it never waits long.

use std::thread;
use std::time::Duration;

use super::Response;
use crate::Result;

/// At least this much is waited, so that a platform that says "now" for ever does not use up the call's requests.
const SHORTEST: Duration = Duration::from_millis(500);

/// Sends until the platform does not say to wait, or says to wait for longer than is `left`, of which it takes away what it
/// waits.
pub fn send(
    left: &mut Duration,
    mut send_once: impl FnMut() -> Result<Response>,
) -> Result<Response> {
    loop {
        let response = send_once()?;
        let wait = response.retry_after().map(|wait| wait.max(SHORTEST));
        match wait.and_then(|wait| Some((wait, left.checked_sub(wait)?))) {
            Some((wait, after)) if is_refused_for_now(&response) => {
                *left = after;
                thread::sleep(wait);
            }
            _ => return Ok(response),
        }
    }
}

/// The platform has not done anything: with 503 it could have. (GitHub says 403 with `Retry-After`.)
fn is_refused_for_now(response: &Response) -> bool {
    matches!(response.status, 403 | 429)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Response;
    use super::send;

    fn answer(status: u16, retry_after: &str) -> Response {
        let headers = vec![("retry-after".to_owned(), retry_after.to_owned())];
        Response { status, headers, body: Vec::new() }
    }

    fn sent(patience_ms: u64, answers: &[(u16, &str)]) -> (u16, usize) {
        let mut all = answers.iter().map(|(status, wait)| answer(*status, wait));
        let mut left = Duration::from_millis(patience_ms);
        let last = send(&mut left, || Ok(all.next().expect("an answer")));
        (last.expect("an answer").status, answers.len() - all.len())
    }

    #[test]
    fn it_waits_and_asks_again_while_the_patience_lasts() {
        assert_eq!(sent(1_200, &[(429, "0"), (403, "0.2"), (200, "0")]), (200, 3));
        assert_eq!(sent(700, &[(429, "0"), (429, "0"), (200, "0")]), (429, 2));
    }

    #[test]
    fn it_never_waits_for_what_would_not_help_or_takes_too_long() {
        assert_eq!(sent(700, &[(429, "30")]), (429, 1));
        assert_eq!(sent(700, &[(429, "Wed, 21 Oct 2026 07:28:00 GMT")]), (429, 1));
        assert_eq!(sent(700, &[(503, "0")]), (503, 1));
        assert_eq!(sent(0, &[(429, "0")]), (429, 1));
    }
}
