//! Reads an answer, never more of it than is wanted.

use bytes::{Bytes, BytesMut};
use reqwest::Response;

use super::headers::response_headers;
use super::{Body, EgressError, Inbound};

pub async fn read(
    mut response: Response,
    body: Body,
    whole: usize,
) -> Result<Inbound, EgressError> {
    let (status, headers) = (response.status().as_u16(), response_headers(response.headers()));
    let limit = match body {
        Body::Whole => whole,
        Body::First(bytes) => bytes.min(whole),
    };
    let announced = response.content_length().unwrap_or_default();
    if body == Body::Whole && usize::try_from(announced).map_or(true, |bytes| bytes > limit) {
        return Err(EgressError::TooLarge(limit));
    }
    let (bytes, truncated) = first(&mut response, limit).await?;
    if body == Body::Whole && truncated {
        return Err(EgressError::TooLarge(limit));
    }
    Ok(Inbound { status, headers, body: bytes, truncated })
}

/// The body's first bytes, and whether there were more.
async fn first(response: &mut Response, limit: usize) -> Result<(Bytes, bool), EgressError> {
    let mut kept = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| EgressError::of_body(&error))? {
        let room = limit - kept.len();
        kept.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if chunk.len() > room {
            return Ok((kept.freeze(), true));
        }
    }
    Ok((kept.freeze(), false))
}
