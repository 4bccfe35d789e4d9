//! Answers that come in pages. Each platform says in its own way where the next page is; the bound on pages is the
//! same for all of them.

use super::Response;
use crate::{Error, Result};

/// As many requests as a call may send, without a few for other things.
const MOST_PAGES: usize = 28;

/// The items of all pages. `page` gets the place of a page, beginning with `first`, and returns the page's items and the
/// place of the next one: a number, a cursor, a URL ([`Response::next_link`]).
///
/// `unavailable`, without any items: there are more than 28 pages, so that what was read would not be all.
///
/// ```
/// use moothall_sdk::http;
/// use moothall_sdk::prelude::*;
/// # use moothall_sdk::testing::{Answer, Host};
///
/// struct Members;
///
/// #[plugin(name = "members", requests(http("forum.example")))]
/// impl Members {
///     #[action(slug = "list")]
///     fn list(&self) -> Result<Vec<Value>> {
///         http::all_pages("https://forum.example/members".to_owned(), |url: String| {
///             let answer = http::get(url).send()?.error_for_status()?;
///             Ok((answer.json()?, answer.next_link()))
///         })
///     }
/// }
///
/// # let second = "https://forum.example/members?page=2";
/// # let first = Answer::ok().json(&["ann"]).header("link", &format!("<{second}>; rel=\"next\""));
/// # let mut host = Host::new(Members)
/// #     .answer("GET", "https://forum.example/members", first)
/// #     .answer("GET", second, Answer::ok().json(&["bob"]));
/// # assert_eq!(host.action("list", json!({})), Ok(json!(["ann", "bob"])));
/// ```
pub fn all_pages<T, P>(
    first: P,
    mut page: impl FnMut(P) -> Result<(Vec<T>, Option<P>)>,
) -> Result<Vec<T>> {
    let (mut all, mut place) = page(first)?;
    for _ in 1..MOST_PAGES {
        let Some(next) = place else { return Ok(all) };
        let (items, after) = page(next)?;
        all.extend(items);
        place = after;
    }
    match place {
        None => Ok(all),
        Some(_) => Err(Error::unavailable(format!(
            "the platform has more than {MOST_PAGES} pages of this, which is more than one call can read"
        ))),
    }
}

impl Response {
    /// The URL of the next page in a header `Link: <…>; rel="next"` (RFC 8288), as it stands there.
    pub fn next_link(&self) -> Option<String> {
        let links = self.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("link"));
        links.flat_map(|(_, value)| value.split(',')).find_map(|link| {
            let (url, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
            let is_next = |one: &str| matches!(one.trim(), "rel=\"next\"" | "rel=next");
            parameters.split(';').any(is_next).then(|| url.to_owned())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Response;
    use super::all_pages;

    #[test]
    fn pages_are_read_until_there_is_no_next_one() {
        let page = |last: u32| move |at: u32| Ok((vec![at], (at < last).then(|| at + 1)));
        assert_eq!(all_pages(1, page(1)).expect("a page"), [1]);
        assert_eq!(all_pages(1, page(28)).expect("pages").len(), 28);
        assert!(all_pages(1, page(29)).expect_err("too many").is_retryable());
    }

    #[test]
    fn the_next_page_is_the_link_that_says_so() {
        let next = |value: &str| {
            let headers = vec![("link".to_owned(), value.to_owned())];
            Response { status: 200, headers, body: Vec::new() }.next_link()
        };
        let both =
            "<https://a.example/?page=1>; rel=\"prev\", <https://a.example/?page=3>; rel=\"next\"";
        assert_eq!(next(both).as_deref(), Some("https://a.example/?page=3"));
        assert_eq!(next("<https://a.example/?page=1>; rel=\"last\""), None);
        assert_eq!(next("nonsense"), None);
    }
}
