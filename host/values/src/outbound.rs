//! Which methods and headers a plugin's request may have. A plugin cannot set headers of the connection.

/// The content type of a form.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// Headers that belong to the connection, or that the client sets itself.
const OF_THE_CONNECTION: [&str; 7] =
    ["connection", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];
const OF_THE_CLIENT: [&str; 2] = ["content-length", "host"];
/// The longest accepted name of a header, in bytes.
const HEADER_NAME_BYTES: usize = 64 << 10;

/// Why a request with this method is refused.
pub fn check_method(method: &str) -> Result<(), String> {
    if !method.is_empty() && method.bytes().all(is_token) && !["CONNECT", "TRACE"].contains(&method)
    {
        return Ok(());
    }
    Err("the method is none that can be sent".to_owned())
}

/// Why a request with this header is refused. The message does not repeat the value, which may be a secret.
pub fn check_header(name: &str, value: &str) -> Result<(), String> {
    if !(1..HEADER_NAME_BYTES).contains(&name.len()) || !name.bytes().all(is_token) {
        return Err("a header's name is not valid".to_owned());
    }
    let name = name.to_ascii_lowercase();
    if is_of_the_connection(&name) || OF_THE_CLIENT.contains(&name.as_str()) {
        return Err(format!("the header `{name}` is set by the host"));
    }
    if value.bytes().any(|byte| (byte < b' ' && byte != b'\t') || byte == 0x7f) {
        return Err(format!("the value of the header `{name}` is not valid"));
    }
    Ok(())
}

/// Whether a body of this type is a form.
pub fn is_form(content_type: &str) -> bool {
    content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(FORM))
}

/// Whether the header of this lower-case name belongs to one connection.
pub fn is_of_the_connection(name: &str) -> bool {
    OF_THE_CONNECTION.contains(&name) || name.starts_with("proxy-")
}

/// A byte of a token (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::{check_header, check_method};

    #[test]
    fn what_can_be_sent_is_taken_and_all_else_refused() {
        for method in ["GET", "PURGE", "get", "M-SEARCH"] {
            assert_eq!(check_method(method), Ok(()), "{method}");
        }
        for method in ["", "FOO BAR", "CONNECT", "TRACE", "G\r\n", "GÉT"] {
            assert!(check_method(method).is_err(), "{method}");
        }
        for (name, value) in [("x-own", "välue"), ("X-Own", "a\tb"), ("accept", "")] {
            assert_eq!(check_header(name, value), Ok(()), "{name}");
        }
        for (name, value) in [
            ("x a", "v"),
            ("", "v"),
            ("x", "a\nb"),
            ("x", "a\0"),
            ("Host", "v"),
            ("content-length", "1"),
            ("Proxy-Authorization", "v"),
            ("TE", "v"),
        ] {
            assert!(check_header(name, value).is_err(), "{name:?}: {value:?}");
        }
    }
}
