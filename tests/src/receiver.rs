//! A receiver of events: a real HTTP server on loopback that keeps what it gets and misbehaves by
//! script. Must never answer anything that its test did not say, but 200.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::until;

/// What one request is answered with.
#[derive(Clone, Debug)]
pub enum Reply {
    Status(u16),
    /// With such a header.
    With(u16, &'static str, String),
    /// With this body, of JSON.
    Body(u16, String),
    /// The status and a part of the body; then nothing more, and the connection stays.
    BodyHangs(u16),
    /// The same, and the connection is closed.
    BodyBreaksOff(u16),
    /// The status, then a byte of the body now and then, for ever.
    BodyDrips(u16),
    /// The connection is closed before anything is answered.
    Close,
    /// Nothing is answered, and the connection stays.
    Hang,
    /// Nothing is answered until the receiver is told to let go.
    Held(u16),
}

/// One request.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    /// By name in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body of JSON")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

#[derive(Debug)]
struct State {
    let_go: watch::Sender<bool>,
    received: Vec<Received>,
    script: VecDeque<Reply>,
    otherwise: Reply,
}

/// Listens until it is dropped.
pub struct Receiver {
    pub url: String,
    address: IpAddr,
    port: u16,
    tls: Option<TlsAcceptor>,
    state: Arc<Mutex<State>>,
    task: Option<JoinHandle<()>>,
}

impl Receiver {
    pub async fn start() -> Self {
        Self::new(Ipv4Addr::LOCALHOST.into(), None).await
    }

    /// On another address of this machine, as if it were another one.
    pub async fn start_at(address: IpAddr) -> Self {
        Self::new(address, None).await
    }

    /// Speaks TLS, with that certificate.
    pub async fn start_tls(tls: TlsAcceptor) -> Self {
        Self::new(Ipv4Addr::LOCALHOST.into(), Some(tls)).await
    }

    async fn new(address: IpAddr, tls: Option<TlsAcceptor>) -> Self {
        let state = State {
            let_go: watch::Sender::new(false),
            received: Vec::new(),
            script: VecDeque::new(),
            otherwise: Reply::Status(200),
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let state = Arc::new(Mutex::new(state));
        let mut receiver = Self { url: String::new(), address, port: 0, tls, state, task: None };
        receiver.come_up().await;
        receiver.url = format!("{scheme}://{address}:{}/events", receiver.port);
        receiver
    }

    /// Listens (again) on its port.
    pub async fn come_up(&mut self) {
        let listener = TcpListener::bind((self.address, self.port)).await.expect("a free port");
        self.port = listener.local_addr().expect("it is bound").port();
        let (state, tls) = (self.state.clone(), self.tls.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "it ends with the receiver, which a test waits for"
        )]
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "what it received is what tests look at"
                )]
                drop(tokio::spawn(greet(stream, tls.clone(), state.clone())));
            }
        });
        self.task = Some(task);
    }

    /// Connections are refused from now on.
    pub async fn go_down(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            drop(task.await);
        }
    }

    /// What the next requests are answered with, in order.
    pub fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state().script.extend(replies);
    }

    /// What is answered where the script says nothing.
    pub fn otherwise(&self, reply: Reply) {
        self.state().otherwise = reply;
    }

    /// What is held is answered.
    pub fn let_go(&self) {
        self.state().let_go.send_replace(true);
    }

    /// Everything so far, in the order of arrival.
    pub fn received(&self) -> Vec<Received> {
        self.state().received.clone()
    }

    /// Waits until at least so many requests have come.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let what = format!("the receiver gets {count} requests");
        until(&what, async || {
            let received = self.received();
            (received.len() >= count).then_some(received)
        })
        .await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn greet(stream: TcpStream, tls: Option<TlsAcceptor>, state: Arc<Mutex<State>>) {
    match tls {
        None => serve(stream, state).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                serve(stream, state).await;
            }
        }
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, state: Arc<Mutex<State>>) {
    let mut buffer = Vec::new();
    while let Some(received) = read(&mut stream, &mut buffer).await {
        let reply = {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.received.push(received);
            let otherwise = state.otherwise.clone();
            state.script.pop_front().unwrap_or(otherwise)
        };
        let (head, body) = match reply {
            Reply::Status(status) => (format!("HTTP/1.1 {status} Said\r\n"), "ok".to_owned()),
            Reply::With(status, name, value) => {
                (format!("HTTP/1.1 {status} Said\r\n{name}: {value}\r\n"), "ok".to_owned())
            }
            Reply::Body(status, body) => {
                (format!("HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\n"), body)
            }
            Reply::BodyHangs(status) => {
                drop(stream.write_all(half(status).as_bytes()).await);
                return std::future::pending().await;
            }
            Reply::BodyBreaksOff(status) => {
                drop(stream.write_all(half(status).as_bytes()).await);
                return;
            }
            Reply::BodyDrips(status) => return drip(&mut stream, status).await,
            Reply::Close => return,
            Reply::Hang => return std::future::pending().await,
            Reply::Held(status) => {
                held(&state).await;
                (format!("HTTP/1.1 {status} Said\r\n"), "ok".to_owned())
            }
        };
        let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// A head that promises more than comes.
fn half(status: u16) -> String {
    format!("HTTP/1.1 {status} Said\r\ncontent-length: 1000\r\n\r\nhalf")
}

async fn drip(stream: &mut (impl AsyncWrite + Unpin), status: u16) {
    let head = half(status);
    let mut alive = stream.write_all(head.as_bytes()).await.is_ok();
    while alive {
        tokio::time::sleep(Duration::from_millis(20)).await;
        alive = stream.write_all(b".").await.is_ok();
    }
}

async fn held(state: &Mutex<State>) {
    let mut let_go = state.lock().unwrap_or_else(PoisonError::into_inner).let_go.subscribe();
    drop(let_go.wait_for(|let_go| *let_go).await);
}

async fn read(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<Received> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        more(stream, buffer).await?;
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let pair = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers: BTreeMap<String, String> = lines.filter_map(pair).collect();
    let length: usize =
        headers.get("content-length").map_or(0, |length| length.parse().unwrap_or(0));
    while buffer.len() < end + length {
        more(stream, buffer).await?;
    }
    let body = buffer[end..end + length].to_vec();
    buffer.drain(..end + length);
    Some(Received { path, headers, body })
}

async fn more(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 16 << 10];
    let count = stream.read(&mut chunk).await.ok().filter(|count| *count > 0)?;
    buffer.extend_from_slice(&chunk[..count]);
    Some(())
}
