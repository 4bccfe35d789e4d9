//! Where the host listens: `127.0.0.1:8000`, `localhost:8000`, `[::1]:8000`, or `unix:/run/moothall.sock`.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

const UNIX: &str = "unix:";
/// The longest name of a host, in bytes (RFC 1035).
const NAME_BYTES: usize = 253;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A host's name or address, without brackets, and a port; port 0 picks a free one.
    Tcp { host: String, port: u16 },
    /// The file of a Unix socket.
    Unix(PathBuf),
}

impl Default for Listen {
    fn default() -> Self {
        Self::Tcp { host: "127.0.0.1".to_owned(), port: 8000 }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix(UNIX) {
            if path.is_empty() {
                return Err(bad(text, "it names no file"));
            }
            return Ok(Self::Unix(path.into()));
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(|| bad(text, "it has no port"))?;
        let port = port.parse().map_err(|_| bad(text, "its port is no number up to 65535"))?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match bare {
            Some(bare) if bare.parse::<Ipv6Addr>().is_ok() => bare,
            None if is_name(host) => host,
            _ => return Err(bad(text, "its host is neither a name nor an address")),
        };
        Ok(Self::Tcp { host: host.to_owned(), port })
    }
}

fn is_name(host: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (1..=NAME_BYTES).contains(&host.len()) && host.bytes().all(fits)
}

fn bad(text: &str, why: &str) -> String {
    format!(
        "`{text}` cannot be listened on: {why}; write HOST:PORT, as 127.0.0.1:8000, localhost:8000 or [::1]:8000, or unix:/PATH"
    )
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_names_and_sockets_are_read_and_shown() {
        for text in [
            "127.0.0.1:8000",
            "localhost:0",
            "[::1]:8000",
            "[::]:1",
            "my-host.lan:65535",
            "unix:/run/m.sock",
        ] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_cannot_be_listened_on_says_what_can() {
        for text in [
            "",
            "nowhere",
            ":8000",
            "localhost:",
            "localhost:65536",
            "::1:8000",
            "[::1:8000",
            "a b:1",
            "http://x:1",
            "unix:",
        ] {
            let refusal = text.parse::<Listen>().unwrap_err();
            assert!(
                refusal.contains(&format!("`{text}`")) && refusal.contains("unix:/PATH"),
                "{refusal}"
            );
        }
    }
}
