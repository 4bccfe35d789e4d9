//! Why a request was not sent or got no whole answer. Messages must never contain a query or a
//! header.

use std::error::Error;

use super::resolver::NotReached;
use super::{CheckedUrl, Sender, exhausted};
use moothall_core::endpoint::AttemptError;
use moothall_core::grants::line_for_cidr;

/// The longest cause that a message repeats, in bytes.
const CAUSE_BYTES: usize = 300;

/// What to do about a certificate that no trusted authority has signed.
const TRUST: &str =
    "; to trust an authority of your own, name the file of its certificate in SSL_CERT_FILE";

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The request itself is wrong: nothing was sent.
    #[error("the request is not valid: {0}")]
    Invalid(String),
    /// An address that may not be reached: nothing was sent.
    #[error("the address is not allowed: {0}")]
    Refused(String),
    /// No connection: name, network or TLS. Nothing was sent.
    #[error("no connection: {0}")]
    Connect(String),
    /// The host itself lacks a resource; this says nothing about the other side. Nothing was sent.
    #[error("the host cannot send now: {0}")]
    Exhausted(String),
    /// The time was up at this stage.
    #[error("out of time while {0}")]
    Timeout(&'static str),
    /// The answer has more bytes than this.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    /// The connection ended before the whole answer was there.
    #[error("the connection broke: {0}")]
    Broken(String),
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[error("outbound HTTP cannot be set up: {0}")]
pub struct EgressSetupError(pub(super) String);

impl EgressError {
    /// As an attempt at a delivery is stored that failed so.
    pub fn class(&self) -> AttemptError {
        match self {
            Self::Invalid(_) => AttemptError::Invalid,
            Self::Refused(_) => AttemptError::Refused,
            Self::Connect(_) => AttemptError::Connect,
            Self::Exhausted(_) => AttemptError::Exhausted,
            Self::Timeout(_) => AttemptError::Timeout,
            Self::TooLarge(_) => AttemptError::TooLarge,
            Self::Broken(_) => AttemptError::Broken,
        }
    }

    /// The error of a request that got no answer.
    pub(super) fn of_request(error: &reqwest::Error, url: &CheckedUrl, sender: &Sender) -> Self {
        if let Some(not_reached) = not_reached(error) {
            return Self::of_name(not_reached.clone(), sender);
        }
        if let Some(what) = exhausted::among(causes(error)) {
            return Self::Exhausted(what.to_owned());
        }
        if error.is_builder() {
            return Self::Invalid("the URL cannot be sent".into());
        }
        match (error.is_connect(), error.is_timeout()) {
            (true, true) => Self::Timeout("connecting"),
            (true, false) => {
                let hint = if is_unknown_issuer(error) { TRUST } else { "" };
                Self::Connect(format!("{}: {}{hint}", url.authority(), cause(error)))
            }
            (false, true) => Self::Timeout("waiting for the answer"),
            (false, false) => Self::Broken(cause(error)),
        }
    }

    /// The error for an address that may not be reached, with what would allow it to this sender.
    pub(super) fn refused(why: &str, cidr: &str, sender: &Sender) -> Self {
        let allow = match sender {
            Sender::Plugin(plugin) => format!("to allow it, {}", line_for_cidr(plugin, cidr)),
            Sender::Deliveries | Sender::Hooks => format!(
                "an operator can allow it with `allow_cidr = [\"{cidr}\"]` under [egress] in moothall.toml"
            ),
        };
        Self::Refused(format!("{why}; {allow}"))
    }

    /// The error for a name without an allowed address.
    pub(super) fn of_name(error: NotReached, sender: &Sender) -> Self {
        match error {
            NotReached::Refused(why, cidr) => Self::refused(&why, &cidr, sender),
            NotReached::NotFound(why) => Self::Connect(why),
            NotReached::Exhausted(what) => Self::Exhausted(what.to_owned()),
        }
    }

    /// The error of an answer whose body broke off.
    pub(super) fn of_body(error: &reqwest::Error) -> Self {
        Self::Broken(cause(error))
    }
}

fn not_reached(error: &reqwest::Error) -> Option<&NotReached> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

fn is_unknown_issuer(error: &reqwest::Error) -> bool {
    let unknown = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
    causes(error).filter_map(of_tls).any(|error| *error == unknown)
}

/// TLS errors travel inside of I/O errors, which do not name them among their causes.
fn of_tls<'a>(mut cause: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    while let Some(outer) = cause.downcast_ref::<std::io::Error>() {
        cause = outer.get_ref()?;
    }
    cause.downcast_ref()
}

/// The innermost cause: the outer ones repeat the URL.
fn cause(error: &reqwest::Error) -> String {
    let last = causes(error).last();
    let mut text = last.map_or_else(|| "it ended without a word".to_owned(), in_words);
    text.truncate(text.floor_char_boundary(CAUSE_BYTES));
    text
}

/// The message without the system's error number.
fn in_words(cause: &(dyn Error + 'static)) -> String {
    let text = cause.to_string();
    let Some((words, _)) = text.split_once(" (os error ") else { return text };
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_lowercase());
    first.into_iter().flatten().chain(letters).collect()
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause| (*cause).source())
}
