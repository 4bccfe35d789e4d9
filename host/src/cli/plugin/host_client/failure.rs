//! Why a host did not answer, in words that say what to look at.

use std::io::ErrorKind;

use anyhow::{Error, anyhow};

use super::{ANSWER_BYTES, TIMEOUT};

/// How the standard library begins an error about a name; it has no kind of its own.
const UNRESOLVED: &str = "failed to lookup address information";

/// About a request that got no answer.
pub fn of_request(url: &str, error: ureq::Error) -> Error {
    let seconds = TIMEOUT.as_secs();
    match error {
        ureq::Error::HostNotFound => of_name(url),
        ureq::Error::Timeout(_) => {
            anyhow!(
                "the host at {url} has not answered in {seconds} s; look at its log, and at the network between"
            )
        }
        ureq::Error::Io(error) => of_connection(url, &error),
        ureq::Error::Tls(said) => of_tls(url, said),
        ureq::Error::Rustls(error) => of_tls(url, &error.to_string()),
        ureq::Error::BadUri(_) => {
            anyhow!("`{url}` is no URL of a host; write `http://NAME:PORT` or `https://NAME:PORT`")
        }
        ureq::Error::Http(error) => {
            anyhow!(
                "this cannot be sent as an HTTP request ({error}); check names, headers and the key file"
            )
        }
        error => anyhow!(
            "what answers at {url} does not speak HTTP as a host does ({error}); check the URL"
        ),
    }
}

/// About an answer whose head has come.
pub fn of_answer(url: &str, what: &str, error: ureq::Error) -> Error {
    match error {
        ureq::Error::BodyExceedsLimit(_) => anyhow!(
            "the answer to {what} has more than {} MiB, the most that this program reads",
            ANSWER_BYTES >> 20
        ),
        error => of_request(url, error).context(format!("the answer to {what} has not come whole")),
    }
}

fn of_connection(url: &str, error: &std::io::Error) -> Error {
    match error.kind() {
        _ if error.to_string().contains(UNRESOLVED) => of_name(url),
        ErrorKind::ConnectionRefused => {
            anyhow!("nothing listens at {url}; start the host, or name another with --host")
        }
        ErrorKind::TimedOut => anyhow!("{url} cannot be reached; check --host, and the network"),
        ErrorKind::InvalidData | ErrorKind::InvalidInput if url.starts_with("https:") => {
            of_tls(url, &error.to_string())
        }
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => anyhow!(
            "what listens at {url} closed the connection without an answer ({error}); if it speaks TLS, write https://"
        ),
        _ => anyhow!("{url} cannot be reached ({error}); check --host, and the network"),
    }
}

fn of_name(url: &str) -> Error {
    anyhow!("the name in {url} has no address; check the spelling of --host, and the network")
}

/// A server that speaks no TLS is told apart from one whose certificate nobody here trusts.
fn of_tls(url: &str, said: &str) -> Error {
    let is_certificate = said.contains("certificate");
    match is_certificate {
        true => anyhow!(
            "the certificate of {url} is not one that this machine trusts for that name ({said}); use the host's right name, or \
             set SSL_CERT_FILE to a file with its authority"
        ),
        false => anyhow!(
            "what listens at {url} does not speak TLS as expected ({said}); if it is plain HTTP, write http://"
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn each_kind_says_what_to_look_at() {
        let io = |kind, said: &str| ureq::Error::Io(io::Error::new(kind, said.to_owned()));
        for (url, error, said) in [
            (
                "http://h",
                io(ErrorKind::ConnectionRefused, "refused"),
                "nothing listens at http://h",
            ),
            ("http://h", io(ErrorKind::Other, UNRESOLVED), "has no address"),
            ("http://h", ureq::Error::HostNotFound, "has no address"),
            ("http://h", ureq::Error::Timeout(ureq::Timeout::Global), "has not answered in 60 s"),
            (
                "https://h",
                io(ErrorKind::InvalidData, "invalid peer certificate: UnknownIssuer"),
                "SSL_CERT_FILE",
            ),
            ("https://h", io(ErrorKind::InvalidData, "received corrupt message"), "write http://"),
            ("http://h", io(ErrorKind::ConnectionReset, "reset"), "closed the connection"),
        ] {
            let told = of_request(url, error).to_string();
            assert!(told.contains(said), "{told}");
        }
    }
}
