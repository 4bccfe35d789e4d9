//! Parses URLs that people write, in one place, with messages that they understand.

use url::{ParseError, Url};

const BEGINS: &str = "it does not begin with `http://` or `https://`";

/// Parses an http or https URL. The error is a sentence that does not repeat it, because it may contain a
/// secret.
pub fn parse_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| fault(error).to_owned())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(BEGINS.to_owned());
    }
    Ok(url)
}

/// Parses a URL for browsers, without credentials and fragment.
pub fn web_url(text: &str) -> Result<Url, String> {
    let url = parse_url(text)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it has credentials".to_owned());
    }
    if url.fragment().is_some() {
        return Err("it has a fragment".to_owned());
    }
    Ok(url)
}

fn fault(error: ParseError) -> &'static str {
    match error {
        ParseError::RelativeUrlWithoutBase | ParseError::RelativeUrlWithCannotBeABaseBase => BEGINS,
        ParseError::EmptyHost => "it names no host",
        ParseError::InvalidPort => "its port is no number up to 65535",
        ParseError::InvalidIpv4Address => "its host ends like an IPv4 address and is none",
        ParseError::InvalidIpv6Address => "its host in brackets is no IPv6 address",
        ParseError::IdnaError | ParseError::InvalidDomainCharacter => {
            "its host has characters that no name has"
        }
        ParseError::Overflow => "it is too long",
        _ => "it is not a URL",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_url_is_said_in_its_writers_words() {
        for (text, words) in [
            ("", "begin with `http://`"),
            ("/done", "begin with `http://`"),
            ("driver.example", "begin with `http://`"),
            ("localhost:3000", "begin with `http://`"),
            ("mailto:a@b.example", "begin with `http://`"),
            ("http://", "names no host"),
            ("http://:80/", "names no host"),
            ("http://a:99999/", "port"),
            ("http://a:b/", "port"),
            ("http://1.2.3.4.5/", "IPv4"),
            ("http://[::g]/", "IPv6"),
            ("http://a b/", "characters"),
            ("http://a%00/", "characters"),
            ("http://xn--\u{fffd}/", "characters"),
        ] {
            let said = parse_url(text).expect_err(text);
            assert!(said.contains(words), "{text}: {said}");
        }
    }
}
