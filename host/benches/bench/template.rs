//! A request that can be sent many times, each time a little different.
//!
//! Every placeholder has a fixed width, so that a request is patched and not built again: the load
//! must cost less than the server's work. Must never send the same value twice where a server could
//! tell: SQLite skips an upsert of the same bytes, and durable writes would seem faster than they
//! are.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// The first value, a number without leading zeros, which JSON forbids.
const FIRST_VALUE: u64 = 1_000_000_000;
const VALUE: &str = "{value}";
const VALUE_DIGITS: usize = 10;
const ANY: &str = "{any}";
const NEXT: &str = "{next}";
const CONNECTION: &str = "{connection}";
/// The digits of communities' numbers in their names.
pub const NAME_DIGITS: usize = 6;

/// Path, headers and body may contain `{value}` (a number never sent before), `{next}` (the
/// request's number), `{any}` (a random number below `spread`) and `{connection}`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Template {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub spread: u64,
}

impl Template {
    pub fn new(method: &str, path: &str, body: &str) -> Self {
        Self {
            method: method.into(),
            path: path.into(),
            headers: Vec::new(),
            body: body.into(),
            spread: 1,
        }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn spread(self, spread: u64) -> Self {
        Self { spread, ..self }
    }

    /// The request of one connection, which is patched before each sending.
    pub fn request(&self, server: SocketAddr, connection: usize) -> Request {
        let connection = format!("{connection:0width$}", width = NAME_DIGITS);
        let fill = |text: &str| text.replace(CONNECTION, &connection);
        let (mut places, mut bytes) = (Vec::new(), Vec::new());
        let mut head =
            format!("{} {} HTTP/1.1\r\nHost: {server}\r\n", self.method, fill(&self.path));
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {}\r\n", fill(value)));
        }
        let mut body = Vec::new();
        let mut places_in_body = Vec::new();
        expand(&fill(&self.body), &mut body, &mut places_in_body);
        if !body.is_empty() {
            head.push_str(&format!(
                "Content-Type: application/json\r\nContent-Length: {}\r\n",
                body.len()
            ));
        }
        expand(&format!("{head}\r\n"), &mut bytes, &mut places);
        places.extend(
            places_in_body.iter().map(|place| Place { at: place.at + bytes.len(), ..*place }),
        );
        bytes.extend(body);
        let mut request = Request { bytes, places };
        request.patch(0, 0);
        request
    }
}

#[derive(Clone, Copy, Debug)]
struct Place {
    at: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Value,
    Any,
    Next,
}

const KINDS: [(&str, Kind, usize); 3] = [
    (VALUE, Kind::Value, VALUE_DIGITS),
    (ANY, Kind::Any, NAME_DIGITS),
    (NEXT, Kind::Next, NAME_DIGITS),
];

/// Copies the text and leaves room for the placeholders.
fn expand(text: &str, bytes: &mut Vec<u8>, places: &mut Vec<Place>) {
    let mut rest = text;
    let first = |text: &str| {
        let found = KINDS.iter().filter_map(|kind| Some((text.find(kind.0)?, kind)));
        found.min_by_key(|(at, _)| *at)
    };
    while let Some((at, (name, kind, digits))) = first(rest) {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        places.push(Place { at: bytes.len(), kind: *kind });
        bytes.resize(bytes.len() + digits, b'0');
        rest = &rest[at + name.len()..];
    }
    bytes.extend_from_slice(rest.as_bytes());
}

/// A request as it is sent.
#[derive(Debug)]
pub struct Request {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

impl Request {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Patches it for the request with this number; `any` is the random number.
    pub fn patch(&mut self, number: u64, any: u64) {
        for place in &self.places {
            let (value, digits) = match place.kind {
                Kind::Value => (FIRST_VALUE + number, VALUE_DIGITS),
                Kind::Any => (any, NAME_DIGITS),
                Kind::Next => (number, NAME_DIGITS),
            };
            write_digits(&mut self.bytes[place.at..place.at + digits], value);
        }
    }
}

fn write_digits(place: &mut [u8], mut value: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}
