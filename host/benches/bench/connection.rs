//! One connection of the load: sends a request, reads its answer. It knows only the HTTP that a
//! measurement needs: answers with a length.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mio::net::TcpStream;
use mio::{Interest, Poll, Token};

use super::template::Request;

/// The longest answer; a longer one is no answer to what the benchmark sends.
const ANSWER_BYTES: usize = 64 << 10;

#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    request: Request,
    answer: Vec<u8>,
    received: usize,
    sent_at: Instant,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    Waiting,
    /// The request was answered with this status.
    Answered(u16),
}

impl Connection {
    pub fn open(server: SocketAddr, request: Request, poll: &Poll, token: Token) -> Result<Self> {
        let stream =
            std::net::TcpStream::connect(server).context("cannot connect to the server")?;
        stream
            .set_nodelay(true)
            .and_then(|()| stream.set_nonblocking(true))
            .context("cannot set up a connection")?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry()
            .register(&mut stream, token, Interest::READABLE)
            .context("cannot watch a connection")?;
        Ok(Self {
            stream,
            request,
            answer: vec![0; ANSWER_BYTES],
            received: 0,
            sent_at: Instant::now(),
        })
    }

    pub fn send(&mut self, number: u64, any: u64) -> Result<()> {
        self.request.patch(number, any);
        self.received = 0;
        self.sent_at = Instant::now();
        let sent = self.stream.write(self.request.bytes()).context("cannot send a request")?;
        // The socket is empty and its buffer far larger than a request.
        ensure!(sent == self.request.bytes().len(), "a request was sent in part");
        Ok(())
    }

    /// Reads what has come. Notices are edge-triggered, so an incomplete answer is read until
    /// nothing is left; after a complete one there can be nothing.
    pub fn receive(&mut self) -> Result<Progress> {
        loop {
            match self.stream.read(&mut self.answer[self.received..]) {
                Ok(0) => bail!("the server closed a connection"),
                Ok(bytes) => self.received += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(Progress::Waiting);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("cannot read an answer"),
            }
            if let Some(status) = complete(&self.answer[..self.received])? {
                return Ok(Progress::Answered(status));
            }
            ensure!(
                self.received < self.answer.len(),
                "an answer has more than {ANSWER_BYTES} bytes"
            );
        }
    }

    pub fn latency(&self) -> Duration {
        self.sent_at.elapsed()
    }

    /// The answer, for a message.
    pub fn answer(&self) -> String {
        String::from_utf8_lossy(&self.answer[..self.received]).into_owned()
    }
}

/// The status, once the whole answer is there.
fn complete(answer: &[u8]) -> Result<Option<u16>> {
    let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let status =
        answer.get(9..12).and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
    let body = content_length(&answer[..head]).context("an answer does not say its length")?;
    if answer.len() < head + 4 + body {
        return Ok(None);
    }
    status.map(Some).context("an answer has no status")
}

fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let line = head
        .split(|byte| *byte == b'\n')
        .find(|line| line.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME)))?;
    std::str::from_utf8(&line[NAME.len()..]).ok()?.trim().parse().ok()
}
