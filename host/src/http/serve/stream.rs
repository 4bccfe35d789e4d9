//! A client's connection over TCP or a Unix socket: cut off when the client stops reading, and closed so that the last
//! answer arrives.

use std::future::Future;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Sleep, sleep};

use moothall_core::telemetry::metric::HTTP_CONNECTIONS_CUT;

/// How long a client that got its answer before it had sent everything may go on sending, so that its system
/// does not discard the answer.
const LINGER: Duration = Duration::from_secs(1);
/// The most bytes that are discarded at once.
const DISCARDED_BYTES: usize = 8 << 10;

pub enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

pub struct ConnectionStream {
    socket: Socket,
    /// How long a client may read nothing of its answer.
    patience: Duration,
    /// Since when no byte could be written.
    stalled: Option<Pin<Box<Sleep>>>,
    /// The client will send nothing more.
    has_ended: bool,
    /// Until when the host waits for that.
    closing: Option<Pin<Box<Sleep>>>,
}

impl ConnectionStream {
    pub fn new(socket: Socket, patience: Duration) -> Self {
        let stream = Self { socket, patience, stalled: None, has_ended: false, closing: None };
        if let Err(error) = stream.prepare() {
            tracing::debug!(%error, "a connection without its options");
        }
        stream
    }

    fn prepare(&self) -> Result<()> {
        let Socket::Tcp(stream) = &self.socket else { return Ok(()) };
        stream.set_nodelay(true)?;
        // A small answer stays in the system's buffers; the system also gives up a client that is gone.
        #[cfg(target_os = "linux")]
        SockRef::from(stream).set_tcp_user_timeout(Some(self.patience.saturating_mul(2)))?;
        Ok(())
    }

    /// Fails a write that waits for too long. Costs nothing while the client reads.
    fn watched<T>(&mut self, cx: &mut Context<'_>, done: Poll<Result<T>>) -> Poll<Result<T>> {
        if done.is_ready() {
            self.stalled = None;
            return done;
        }
        let patience = self.patience;
        ready!(self.stalled.get_or_insert_with(|| Box::pin(sleep(patience))).as_mut().poll(cx));
        self.cut();
        Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the client does not read its answer")))
    }

    fn cut(&self) {
        HTTP_CONNECTIONS_CUT.of(&[("reason", "not_read")]).increment(1);
        if let Socket::Tcp(stream) = &self.socket
            && let Err(error) = SockRef::from(stream).set_linger(Some(Duration::ZERO))
        {
            tracing::debug!(%error, "what was not read stays in the system's buffers for a while");
        }
    }

    /// Discards what still arrives.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; DISCARDED_BYTES];
        while !self.has_ended {
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut *self).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => {
                    let closing = self.closing.get_or_insert_with(|| Box::pin(sleep(LINGER)));
                    return closing.as_mut().poll(cx);
                }
            }
        }
        Poll::Ready(())
    }
}

impl AsyncRead for ConnectionStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = match &mut this.socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Socket::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
        };
        this.has_ended |= matches!(read, Poll::Ready(Ok(()))) && buffer.filled().len() == before;
        read
    }
}

impl AsyncWrite for ConnectionStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let this = self.get_mut();
        let written = match &mut this.socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Socket::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        };
        this.watched(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let this = self.get_mut();
        let written = match &mut this.socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
            Socket::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
        };
        this.watched(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.socket {
            Socket::Tcp(stream) => stream.is_write_vectored(),
            Socket::Unix(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        // Neither kind of socket buffers anything to flush.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let this = self.get_mut();
        if this.closing.is_none() {
            this.closing = Some(Box::pin(sleep(LINGER)));
            ready!(match &mut this.socket {
                Socket::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
                Socket::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            })?;
        }
        this.poll_end(cx).map(Ok)
    }
}
