//! Collects a body that comes in pieces. The cost depends on its bytes, however they are cut.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;

/// Why a body is not whole.
#[derive(Debug)]
pub enum Broken<E> {
    /// It has more bytes than the limit.
    TooLarge,
    Ended(E),
}

/// The whole body. A body in one piece is passed on as it is. Otherwise each piece is copied at once and
/// dropped, into a buffer that at most doubles with the bytes received, whatever length was announced.
pub async fn gather<B: Body<Data = Bytes>>(
    body: B,
    limit: usize,
) -> Result<Bytes, Broken<B::Error>> {
    let mut body = pin!(body);
    let (mut whole, mut gathered) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        // Nobody here reads trailers.
        let Ok(piece) = frame.map_err(Broken::Ended)?.into_data() else { continue };
        if piece.len() > limit - gathered.len() {
            return Err(Broken::TooLarge);
        }
        if gathered.is_empty() && body.is_end_stream() {
            whole = piece;
        } else {
            gathered.extend_from_slice(&piece);
        }
    }
    Ok(if whole.is_empty() { gathered.freeze() } else { whole })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll};

    use hyper::body::Frame;

    use super::*;

    /// A body of this many pieces, each of which holds `alive`.
    struct Cut {
        left: usize,
        alive: Arc<()>,
        /// The most pieces that were alive at once.
        most: usize,
    }

    struct Piece(Arc<()>);

    impl AsRef<[u8]> for Piece {
        fn as_ref(&self) -> &[u8] {
            let _alive = &self.0;
            b"x"
        }
    }

    impl Body for &mut Cut {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.most = self.most.max(Arc::strong_count(&self.alive) - 1);
            let Some(left) = self.left.checked_sub(1) else { return Poll::Ready(None) };
            self.left = left;
            let piece = Bytes::from_owner(Piece(self.alive.clone()));
            Poll::Ready(Some(Ok(Frame::data(piece))))
        }

        fn is_end_stream(&self) -> bool {
            self.left == 0
        }
    }

    fn cut(left: usize) -> Cut {
        Cut { left, alive: Arc::default(), most: 0 }
    }

    #[tokio::test]
    async fn no_piece_is_kept_once_the_next_one_has_come() {
        let mut body = cut(10_000);
        let whole = gather(&mut body, 10_000).await.expect("it is as large as it may be");
        assert_eq!(whole, vec![b'x'; 10_000]);
        assert_eq!((body.most, Arc::strong_count(&body.alive)), (0, 1));
        assert!(matches!(gather(&mut cut(10_000), 9_999).await, Err(Broken::TooLarge)));
        assert_eq!(gather(&mut cut(0), 0).await.expect("it is empty"), Bytes::new());
    }

    #[tokio::test]
    async fn a_body_in_one_piece_is_not_copied() {
        let mut body = cut(1);
        let whole = gather(&mut body, 1).await.expect("it is small enough");
        assert_eq!((&whole[..], Arc::strong_count(&body.alive)), (&b"x"[..], 2));
    }
}
