//! Where browsers may be sent, and how parameters are put into URLs. Pure.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use url::{Host, Url, form_urlencoded};

use moothall_values::destination::web_url;

/// Longest URL of a driver, in bytes.
const URL_BYTES: usize = 2_048;
/// Characters that no header can carry and no query may contain (RFC 3986, 3.4).
const NOT_IN_QUERIES: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>');
/// Characters that need no encoding in a parameter (RFC 3986, 2.3). A space becomes `%20`, which all decoders
/// read alike.
const NOT_IN_PARAMETERS: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The operator's list of drivers' URLs.
pub struct Redirects {
    /// Empty: loopback.
    allowed: Vec<Url>,
}

impl Redirects {
    pub fn new(allowed: Vec<Url>) -> Self {
        Self { allowed }
    }

    /// The URL to which browsers will be sent, or why they may not.
    pub fn check(&self, text: &str) -> Result<WebUrl, String> {
        if text.len() > URL_BYTES {
            return Err(format!("a URL has at most {URL_BYTES} bytes"));
        }
        let url = WebUrl::parse(text)?;
        let place = &url.place;
        let listed =
            |allowed: &Url| allowed.origin() == place.origin() && allowed.path() == place.path();
        if self.allowed.is_empty() && !is_loopback(place) {
            let line = format!("redirects = [\"{place}\"]");
            return Err(format!(
                "only this machine's URLs are; to allow it, add `{line}` to [oauth] in moothall.toml"
            ));
        }
        if !self.allowed.is_empty() && !self.allowed.iter().any(listed) {
            return Err("it is not in `redirects` of [oauth] in moothall.toml".to_owned());
        }
        Ok(url)
    }
}

/// A URL for a browser whose query stays as somebody wrote it: texts that decode to the same value are
/// different to whoever compares them, or has signed them.
#[derive(Clone, Debug)]
pub struct WebUrl {
    /// Without the query.
    place: Url,
    query: Option<String>,
}

impl WebUrl {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut place = web_url(text)?;
        place.set_query(None);
        // Whatever the scheme's syntax, the first `?` begins the query.
        let query = text.split_once('?').map(|(_, query)| query);
        let query = query.map(|query| utf8_percent_encode(query, NOT_IN_QUERIES).to_string());
        Ok(Self { place, query })
    }

    /// The URL with these parameters in place of others with their names; the others stay byte for byte.
    pub fn with<V: AsRef<str>>(&self, own: &[(&str, V)]) -> String {
        let query = self.query.as_deref().filter(|query| !query.is_empty());
        let parts = query.into_iter().flat_map(|query| query.split('&'));
        let others = parts.filter(|part| !own.iter().any(|(name, _)| is_named(part, name)));
        let own = own.iter().map(|(name, value)| parameter(name, value.as_ref()));
        let query: Vec<_> = others.map(Cow::from).chain(own.map(Cow::from)).collect();
        let query = (!query.is_empty()).then(|| query.join("&"));
        Self { place: self.place.clone(), query }.to_string()
    }
}

impl fmt::Display for WebUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.place.as_str())?;
        self.query.iter().try_for_each(|query| write!(formatter, "?{query}"))
    }
}

fn is_named(part: &str, name: &str) -> bool {
    let mut pairs = form_urlencoded::parse(part.as_bytes());
    pairs.next().is_some_and(|(one, _)| one == name)
}

fn parameter(name: &str, value: &str) -> String {
    let encoded = |text| utf8_percent_encode(text, NOT_IN_PARAMETERS);
    format!("{}={}", encoded(name), encoded(value))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_list_only_this_machine_is_allowed() {
        let redirects = Redirects::new(Vec::new());
        for good in [
            "http://localhost:3000/cb?x=1",
            "http://127.0.0.1/",
            "https://[::1]:8443/a",
            "http://127.1/",
        ] {
            assert!(redirects.check(good).is_ok(), "{good}");
        }
        for bad in [
            "https://driver.example/cb",
            "http://localhost.example/",
            "http://127.0.0.1.example/",
            "http://localhost@driver.example/",
            "javascript:alert(1)",
            "//localhost/",
            "/cb",
            "",
            "http://localhost/#x",
        ] {
            assert!(redirects.check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn with_a_list_origin_and_path_are_exactly_one_of_it() {
        let redirects = Redirects::new(vec![Url::parse("https://driver.example/cb").unwrap()]);
        for good in [
            "https://driver.example/cb",
            "https://driver.example:443/cb?session=1",
            "https://DRIVER.example/x/../cb",
        ] {
            assert!(redirects.check(good).is_ok(), "{good}");
        }
        for bad in [
            "http://driver.example/cb",
            "https://driver.example:444/cb",
            "https://driver.example/cb/",
            "https://driver.example/cb/more",
            "https://driver.example/cb/../other",
            "https://driver.example\\@evil.example/cb",
            "https://evil.example/cb",
            "https://sub.driver.example/cb",
            "http://localhost/cb",
        ] {
            assert!(redirects.check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn own_parameters_replace_those_that_are_there() {
        let url = WebUrl::parse("https://p.example/a?state=evil&scope=a+b&st%61te=worse").unwrap();
        assert_eq!(
            url.with(&[("state", "s&t u")]),
            "https://p.example/a?scope=a+b&state=s%26t%20u"
        );
        let bare = WebUrl::parse("https://p.example").unwrap();
        assert_eq!(bare.with::<&str>(&[]), "https://p.example/");
        assert_eq!(bare.with(&[("a", "b")]), "https://p.example/?a=b");
    }

    #[test]
    fn a_query_comes_back_byte_for_byte() {
        for query in [
            "a%20b",
            "a+b=c%2Fd&e=%e2%82%ac&flag&&x=~'()*!$;:@,/?",
            "",
            "=",
            "a=1&a=2",
            "%zz&100%",
            "a=[b]&c={d}|e\\f^`",
        ] {
            let text = format!("http://localhost:3000/done?{query}");
            let url = WebUrl::parse(&text).unwrap();
            assert_eq!(url.to_string(), text);
            let and = if query.is_empty() { "" } else { "&" };
            assert_eq!(url.with(&[("state", "s")]), format!("{text}{and}state=s"));
        }
        // Only characters that cannot be sent are encoded.
        let url = WebUrl::parse("http://localhost/?a=\u{fc} \"<>\r\nx").unwrap();
        assert_eq!(url.to_string(), "http://localhost/?a=%C3%BC%20%22%3C%3E%0D%0Ax");
    }
}
