//! Decodes compressed bodies (`Content-Encoding`): plugins get plain ones.
//!
//! The decoded body is bounded while it grows, so that a small body which decodes to a huge one costs no more than a large
//! body.

use std::io::Read;

use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use moothall_core::web::Request;

const HEADER: &str = "content-encoding";
/// Bytes that are decoded in one step.
const STEP_BYTES: usize = 16 << 10;

/// How large a decoded body may be, and the budget that it is counted with as it grows.
pub struct Room<'a> {
    pub body_bytes: usize,
    pub take: &'a (dyn Fn(usize) -> bool + Sync),
}

/// Why there is no plain body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failed {
    TooLarge(usize),
    /// The host holds as many large bodies as it may.
    NoRoom,
    /// The host does not know the coding.
    Unknown(String),
    /// The body is not what its header says.
    Garbled,
}

/// Whether the headers say that the body is compressed.
pub fn is_coded(request: &Request) -> bool {
    let given = request.header(HEADER).map(str::trim);
    given.is_some_and(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
}

/// The request with its plain body, and with the headers of a plain body.
pub fn decoded(request: &Request, room: &Room<'_>) -> Result<Request, Failed> {
    let coding = request.header(HEADER).unwrap_or_default().trim().to_ascii_lowercase();
    let body = request.body.as_slice();
    let plain = match coding.as_str() {
        "gzip" | "x-gzip" => plain(MultiGzDecoder::new(body), room)?,
        // RFC 9110 means zlib; some clients leave the frame of zlib out.
        "deflate" if has_zlib_frame(body) => plain(ZlibDecoder::new(body), room)?,
        "deflate" => plain(DeflateDecoder::new(body), room)?,
        _ => return Err(Failed::Unknown(coding)),
    };
    let mut headers = request.headers.clone();
    headers.retain(|(name, _)| name != HEADER);
    for (_, length) in headers.iter_mut().filter(|(name, _)| name == "content-length") {
        *length = plain.len().to_string();
    }
    Ok(Request {
        method: request.method.clone(),
        path: request.path.clone(),
        query: request.query.clone(),
        headers,
        body: plain,
    })
}

fn plain(mut decoder: impl Read, room: &Room<'_>) -> Result<Vec<u8>, Failed> {
    let (mut plain, mut step) = (Vec::new(), [0; STEP_BYTES]);
    loop {
        let count = decoder.read(&mut step).map_err(|_| Failed::Garbled)?;
        if count == 0 {
            return Ok(plain);
        }
        if plain.len() + count > room.body_bytes {
            return Err(Failed::TooLarge(room.body_bytes));
        }
        if !(room.take)(count) {
            return Err(Failed::NoRoom);
        }
        plain.extend_from_slice(&step[..count]);
    }
}

/// RFC 1950: the first two bytes name deflate and are a multiple of 31.
fn has_zlib_frame(body: &[u8]) -> bool {
    let [first, second, ..] = body else { return false };
    first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)).is_multiple_of(31)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    const LIMIT: usize = 100_000;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn decode(coding: &str, body: Vec<u8>) -> Result<Request, Failed> {
        let length = body.len().to_string();
        let headers = [("content-encoding", coding), ("content-length", &length), ("x-a", "1")];
        let headers = headers.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        let request = Request { headers, body, ..Request::default() };
        assert!(is_coded(&request), "{coding}");
        decoded(&request, &Room { body_bytes: LIMIT, take: &|_| true })
    }

    #[test]
    fn what_platforms_send_is_decoded_with_headers_that_are_true() {
        let plain = b"Hello, World! ".repeat(100);
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(&plain).unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
        raw.write_all(&plain).unwrap();
        let halves = [gzip(&plain[..700]), gzip(&plain[700..])].concat();
        for (coding, body) in [
            ("gzip", gzip(&plain)),
            ("X-GZip", gzip(&plain)),
            ("gzip", halves),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", raw.finish().unwrap()),
        ] {
            let request = decode(coding, body).expect(coding);
            assert_eq!(request.body, plain, "{coding}");
            let headers = [("content-length", "1400"), ("x-a", "1")];
            assert_eq!(request.headers, headers.map(|(n, v)| (n.to_owned(), v.to_owned())));
        }
    }

    #[test]
    fn what_swells_ends_at_its_bound_and_what_is_not_compressed_is_told() {
        assert_eq!(decode("gzip", gzip(&vec![0; LIMIT])).map(|one| one.body.len()), Ok(LIMIT));
        let bomb = gzip(&vec![0; 50 * LIMIT]);
        assert!(bomb.len() < LIMIT);
        assert_eq!(decode("gzip", bomb.clone()), Err(Failed::TooLarge(LIMIT)));
        assert_eq!(decode("gzip", b"{}".to_vec()), Err(Failed::Garbled));
        assert_eq!(decode("gzip", bomb[..50].to_vec()), Err(Failed::Garbled));
        assert_eq!(decode("br", b"{}".to_vec()), Err(Failed::Unknown("br".to_owned())));
        let request =
            Request { headers: vec![(HEADER.into(), " identity".into())], ..Request::default() };
        assert!(!is_coded(&request) && !is_coded(&Request::default()));
    }

    #[test]
    fn no_more_is_made_than_the_budget_has_room_for() {
        let left = AtomicUsize::new(2 * STEP_BYTES);
        let take = |bytes: usize| {
            let taken = left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
            taken.is_ok()
        };
        let headers = vec![(HEADER.to_owned(), "gzip".to_owned())];
        let request = Request { headers, body: gzip(&vec![0; LIMIT]), ..Request::default() };
        let made = decoded(&request, &Room { body_bytes: LIMIT, take: &take });
        assert_eq!(made, Err(Failed::NoRoom));
    }
}
