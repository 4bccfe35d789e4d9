//! The limits of a request: checked before anything is added to it, and again when it is sent.

use super::{EgressError, Outbound};

#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// The most headers.
    pub headers: usize,
    /// The most bytes of all names and values.
    pub header_bytes: usize,
    /// The most bytes of the body.
    pub body_bytes: usize,
}

impl Room {
    /// Whether the request is within the limits.
    pub fn check(self, request: &Outbound) -> Result<(), EgressError> {
        self.has_headers(request.headers.len(), bytes_of(&request.headers))?;
        self.has_body(request.body.len())
    }

    /// Whether one more header of this many bytes fits.
    pub fn for_header(self, request: &Outbound, bytes: usize) -> Result<(), EgressError> {
        let all = bytes_of(&request.headers).saturating_add(bytes);
        self.has_headers(request.headers.len() + 1, all)
    }

    /// Whether this many more bytes of a body fit.
    pub fn for_body(self, request: &Outbound, bytes: usize) -> Result<(), EgressError> {
        self.has_body(request.body.len().saturating_add(bytes))
    }

    /// Whether a body of this many bytes fits.
    pub fn for_body_of(self, bytes: usize) -> Result<(), EgressError> {
        self.has_body(bytes)
    }

    fn has_headers(self, count: usize, bytes: usize) -> Result<(), EgressError> {
        let Self { headers, header_bytes, .. } = self;
        if count <= headers && bytes <= header_bytes {
            return Ok(());
        }
        let message = format!("a request has at most {headers} headers of {header_bytes} bytes");
        Err(EgressError::Invalid(message))
    }

    fn has_body(self, bytes: usize) -> Result<(), EgressError> {
        let limit = self.body_bytes;
        if bytes <= limit {
            return Ok(());
        }
        let message = format!("the request's body has {bytes} bytes, at most {limit} are allowed");
        Err(EgressError::Invalid(message))
    }
}

fn bytes_of(headers: &[(String, String)]) -> usize {
    headers.iter().map(|(name, value)| name.len() + value.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_body_have_bounds_of_their_own() {
        let room = Room { headers: 2, header_bytes: 10, body_bytes: 5 };
        let header = |value: &str| ("x".to_owned(), value.to_owned());
        let with = |headers: Vec<_>, body: &'static str| Outbound {
            headers,
            body: body.into(),
            ..Outbound::default()
        };
        assert!(room.check(&with(vec![header("1234"), header("1234")], "12345")).is_ok());
        assert!(room.check(&with(vec![header("1"), header("1"), header("1")], "")).is_err());
        assert!(room.check(&with(vec![header("1234567890")], "")).is_err());
        assert!(room.check(&with(Vec::new(), "123456")).is_err());
        assert!(room.for_header(&with(vec![header("1234")], ""), usize::MAX).is_err());
        assert!(room.for_body(&with(Vec::new(), "123"), 3).is_err());
    }
}
