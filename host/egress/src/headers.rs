//! Which methods and headers are passed on, in both directions. Headers of one connection are
//! neither taken from a caller nor given to it.

use moothall_values::outbound;
use reqwest::Method;
use reqwest::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue};

use super::EgressError;

pub fn method_of(text: &str) -> Result<Method, EgressError> {
    outbound::check_method(text).map_err(EgressError::Invalid)?;
    Method::from_bytes(text.as_bytes())
        .map_err(|_| EgressError::Invalid("the method is none that can be sent".into()))
}

pub fn request_headers(headers: &[(String, String)]) -> Result<HeaderMap, EgressError> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let (name, value) = header(name, value)?;
        map.append(name, value);
    }
    Ok(map)
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), EgressError> {
    outbound::check_header(name, value).map_err(EgressError::Invalid)?;
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| EgressError::Invalid("a header's name is not valid".into()))?;
    // The value is not repeated: it may be a secret.
    let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| {
        EgressError::Invalid(format!("the value of the header `{parsed}` is not valid"))
    })?;
    Ok((parsed, value))
}

/// The headers of an answer that the caller gets.
pub fn response_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let kept = headers.iter().filter(|(name, _)| {
        !outbound::is_of_the_connection(name.as_str())
            && !named.iter().any(|one| one == name.as_str())
    });
    kept.map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, value: &str) -> Result<HeaderMap, EgressError> {
        request_headers(&[(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn headers_of_the_connection_are_not_a_callers() {
        for name in [
            "Host",
            "content-length",
            "Transfer-Encoding",
            "connection",
            "Proxy-Authorization",
            "proxy-x",
            "TE",
            "Upgrade",
            "expect",
        ] {
            let error = of(name, "x").unwrap_err();
            assert!(error.to_string().contains(&name.to_lowercase()), "{error}");
        }
        assert!(of("x-own", "välue").is_ok());
    }

    #[test]
    fn a_header_cannot_hold_another_one() {
        for (name, value) in [
            ("x", "hunter2\r\nhost: a"),
            ("x", "hunter2\0"),
            ("x\r\n", "hunter2"),
            ("", "hunter2"),
            ("a b", "hunter2"),
        ] {
            let error = of(name, value).unwrap_err();
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn what_connection_names_is_dropped_from_an_answer() {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("connection", "X-Hop, close"), ("x-hop", "1"), ("keep-alive", "5"), ("etag", "a")]
        {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        assert_eq!(response_headers(&headers), [("etag".to_owned(), "a".to_owned())]);
    }

    #[test]
    fn tunnels_and_nonsense_are_no_methods() {
        assert!(method_of("PATCH").is_ok() && method_of("PROPFIND").is_ok());
        assert!(
            ["CONNECT", "TRACE", "", "GET /", "G\r\n"].iter().all(|one| method_of(one).is_err())
        );
    }
}
