//! Tests the client on real sockets: what it connects to, and when it gives up.

mod bounds;
mod reach;
mod shares;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

/// A server on loopback. It passes each connection to `answer`, with the head that it has read.
struct Server {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    #[expect(
        clippy::disallowed_methods,
        reason = "a server of a test: a panic there fails the request"
    )]
    async fn new<F: Future<Output = ()> + Send>(
        answer: impl Fn(TcpStream) -> F + Copy + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (address, heads) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<_>>>::default());
        let seen = heads.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let seen = seen.clone();
                tokio::spawn(async move {
                    let head = head(&mut stream).await;
                    seen.lock().unwrap().push(head);
                    answer(stream).await;
                });
            }
        });
        Self { address, heads }
    }

    async fn saying(text: &'static str) -> Self {
        Self::new(move |mut stream: TcpStream| async move {
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
        })
        .await
    }

    fn url(&self, host: &str) -> String {
        format!("http://{host}:{}/", self.address.port())
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { break };
        head.push(byte);
    }
    String::from_utf8(head).unwrap()
}

fn get(url: impl Into<String>) -> Outbound {
    Outbound { method: "GET".into(), url: url.into(), ..Outbound::default() }
}

fn egress() -> Egress {
    Egress::new(&EgressConfig::default()).unwrap()
}

/// A resolver that returns scripted answers, one after the other.
fn scripted(config: &EgressConfig, answers: &[&[&str]]) -> Egress {
    let parse = |answer: &&[&str]| answer.iter().map(|one| one.parse().unwrap()).collect();
    let script: Vec<Vec<IpAddr>> = answers.iter().rev().map(parse).collect();
    let script = Mutex::new(script);
    let lookup: Lookup = Arc::new(move |_: &str| {
        script.lock().unwrap().pop().ok_or_else(|| std::io::Error::other("the script has ended"))
    });
    Egress::with_lookup(config, lookup).unwrap()
}
