//! Where browsers may be sent, and how parameters get into URLs. Pure.

use url::{Host, Position, Url};

/// Longest URL of a driver, in bytes.
const URL_BYTES: usize = 2_048;

/// The operator's list of drivers' URLs.
pub struct Redirects {
    /// Empty: loopback.
    allowed: Vec<Url>,
}

impl Redirects {
    /// What is wrong with the list, otherwise.
    pub fn new(allowed: &[String]) -> Result<Self, String> {
        let parse = |text: &String| {
            web_url(text).map_err(|wrong| format!("[oauth] redirects: `{text}`: {wrong}"))
        };
        Ok(Self { allowed: allowed.iter().map(parse).collect::<Result<_, _>>()? })
    }

    /// The URL as it will be sent to browsers, or why it may not be.
    pub fn check(&self, text: &str) -> Result<Url, String> {
        if text.len() > URL_BYTES {
            return Err(format!("a URL has at most {URL_BYTES} bytes"));
        }
        let url = web_url(text)?;
        let listed =
            |allowed: &Url| allowed.origin() == url.origin() && allowed.path() == url.path();
        if self.allowed.is_empty() && !is_loopback(&url) {
            let line = format!("redirects = [\"{}\"]", &url[..Position::AfterPath]);
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

/// A URL that a browser can be sent to: http or https, without credentials and fragment.
pub fn web_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("it is not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("it is not an http or https URL".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it has credentials".to_owned());
    }
    if url.fragment().is_some() {
        return Err("it has a fragment".to_owned());
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The URL with these parameters in place of others of their names.
pub fn with_parameters<V: AsRef<str>>(mut url: Url, own: &[(&str, V)]) -> Url {
    let others: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| !own.iter().any(|(own, _)| own == name))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.set_query(None);
    if !others.is_empty() || !own.is_empty() {
        let mut pairs = url.query_pairs_mut();
        pairs.extend_pairs(&others);
        pairs.extend_pairs(own);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_list_only_this_machine_is_allowed() {
        let redirects = Redirects::new(&[]).unwrap();
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
        let redirects = Redirects::new(&["https://driver.example/cb".to_owned()]).unwrap();
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
        assert!(Redirects::new(&["driver.example".to_owned()]).is_err());
    }

    #[test]
    fn own_parameters_replace_those_that_are_there() {
        let url = Url::parse("https://p.example/a?state=evil&scope=a+b&state=worse").unwrap();
        let url = with_parameters(url, &[("state", "s&t")]);
        assert_eq!(url.as_str(), "https://p.example/a?scope=a+b&state=s%26t");
    }
}
