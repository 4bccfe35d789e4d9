//! Reads an answer, and never more of it than the caller wants.

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use tokio::time::Instant;

use super::headers::response_headers;
use super::{Body, EgressError, Inbound, until};

const STAGE: &str = "reading the answer";

/// Reads the body of an answer whose head has come, until `end`.
pub async fn read(
    response: Response,
    body: Body,
    whole: usize,
    end: Instant,
) -> Result<Inbound, EgressError> {
    let (status, headers) = (response.status().as_u16(), response_headers(response.headers()));
    let (body, cut_off) = match body {
        Body::Whole => (until(end, STAGE, all(response, whole)).await??, None),
        Body::First { bytes, within } => {
            let mut kept = BytesMut::new();
            let reading = first(response, &mut kept, bytes.min(whole));
            let read = until(end.min(Instant::now() + within), STAGE, reading).await;
            let cut_off = read.and_then(|read| read.map(drop)).err();
            (kept.freeze(), cut_off)
        }
    };
    Ok(Inbound { status, headers, body, cut_off })
}

async fn all(response: Response, limit: usize) -> Result<Bytes, EgressError> {
    let announced = response.content_length().unwrap_or_default();
    if usize::try_from(announced).map_or(true, |bytes| bytes > limit) {
        return Err(EgressError::TooLarge(limit));
    }
    let mut kept = BytesMut::new();
    let had_more = first(response, &mut kept, limit).await?;
    if had_more { Err(EgressError::TooLarge(limit)) } else { Ok(kept.freeze()) }
}

/// Collects the body's first bytes in `kept`. Whether there were more.
async fn first(
    mut response: Response,
    kept: &mut BytesMut,
    limit: usize,
) -> Result<bool, EgressError> {
    while let Some(chunk) = response.chunk().await.map_err(|error| EgressError::of_body(&error))? {
        let room = limit - kept.len();
        kept.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if chunk.len() > room {
            return Ok(true);
        }
    }
    Ok(false)
}
