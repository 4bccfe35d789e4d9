//! Limits the memory of request bodies in flight, for all clients together and for each.
//!
//! The first bytes of each body are free, so that most requests take no lock, and so that large bodies which arrive
//! slowly do not keep small ones out. The number of connections bounds what is free.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::http::HeaderMap;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::http::keys::Caller;
use crate::http::peer::{Peer, client};
use moothall_core::telemetry::metric::HTTP_BODIES_REFUSED;
use moothall_values::destination::Cidr;

/// Bytes of each body that are not counted.
const FREE_BYTES: usize = 16 << 10;

/// The client of a body.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Sender {
    Key(String),
    Address(IpAddr),
    ThisMachine,
}

impl Sender {
    /// Behind a proxy of the operator or of this machine: the last address in its header.
    pub fn of(key: Option<&Caller>, peer: Peer, headers: &HeaderMap, proxies: &[Cidr]) -> Self {
        match (key, peer) {
            (Some(key), _) => Self::Key(key.id().to_owned()),
            (None, Peer::Address(address)) if !peer.is_trusted(proxies) => {
                Self::Address(client(address))
            }
            (None, _) => forwarded_for(headers, proxies).map_or(Self::ThisMachine, Self::Address),
        }
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => write!(f, "key {id}"),
            Self::Address(address) => write!(f, "{address}"),
            Self::ThisMachine => f.write_str("this machine"),
        }
    }
}

fn forwarded_for(headers: &HeaderMap, proxies: &[Cidr]) -> Option<IpAddr> {
    let all =
        headers.get_all("x-forwarded-for").into_iter().filter_map(|value| value.to_str().ok());
    let named: Vec<&str> = all.flat_map(|value| value.split(',')).map(str::trim).collect();
    let addresses = named.iter().rev().map_while(|name| name.parse::<IpAddr>().ok());
    let mut others =
        addresses.filter(|address| !Peer::Address(*address).is_trusted(proxies)).map(client);
    others.next()
}

/// The large bodies in flight.
pub struct Bodies {
    most: usize,
    held: Mutex<HeldBytes>,
}

#[derive(Default)]
struct HeldBytes {
    all: usize,
    by_sender: HashMap<Sender, usize>,
}

impl Bodies {
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, held: Mutex::default() })
    }

    /// Whether a body needs no budget, unless it is compressed.
    pub fn is_small(body: &Incoming) -> bool {
        body.size_hint().upper().is_some_and(|bytes| bytes <= FREE_BYTES as u64)
    }

    /// A body's share of the budget, which is empty at first.
    pub fn begin(self: &Arc<Self>, sender: Sender) -> Arc<BodyReservation> {
        let (bytes, has_ended) = (Mutex::new(0), AtomicBool::new(false));
        Arc::new(BodyReservation { bodies: self.clone(), sender, bytes, has_ended })
    }

    /// False if the budget is used up, or if the client has three quarters of it.
    fn take(&self, sender: &Sender, bytes: usize) -> bool {
        let mut held = lock(&self.held);
        let own = held.by_sender.get(sender).copied().unwrap_or(0).saturating_add(bytes);
        let all = held.all.saturating_add(bytes);
        if all > self.most || own > self.most - self.most / 4 {
            return false;
        }
        held.all = all;
        held.by_sender.insert(sender.clone(), own);
        true
    }

    fn give_back(&self, sender: &Sender, bytes: usize) {
        let mut held = lock(&self.held);
        held.all -= bytes;
        if let Some(own) = held.by_sender.get_mut(sender) {
            *own -= bytes;
            if *own == 0 {
                held.by_sender.remove(sender);
            }
        }
    }
}

/// A body's share of the budget, until its request is answered.
pub struct BodyReservation {
    bodies: Arc<Bodies>,
    sender: Sender,
    /// How many bytes have arrived, and how many of them are counted.
    bytes: Mutex<usize>,
    has_ended: AtomicBool,
}

impl BodyReservation {
    /// Whether the body was read to its end.
    pub fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }

    pub fn grow(&self, by: usize) -> Result<(), NoRoom> {
        let mut bytes = lock(&self.bytes);
        let counted = |all: usize| all.saturating_sub(FREE_BYTES);
        let more = counted(bytes.saturating_add(by)) - counted(*bytes);
        if more > 0 && !self.bodies.take(&self.sender, more) {
            HTTP_BODIES_REFUSED.of(&[]).increment(1);
            return Err(NoRoom);
        }
        *bytes = bytes.saturating_add(by);
        Ok(())
    }
}

impl Drop for BodyReservation {
    fn drop(&mut self) {
        let counted = lock(&self.bytes).saturating_sub(FREE_BYTES);
        if counted > 0 {
            self.bodies.give_back(&self.sender, counted);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The budget is used up.
#[derive(Debug)]
pub struct NoRoom;

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host holds as many request bodies as it may")
    }
}

impl Error for NoRoom {}

/// A large body on its way, counted as it arrives.
pub struct Arriving {
    pub body: Incoming,
    pub reservation: Arc<BodyReservation>,
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(None) => self.reservation.has_ended.store(true, Ordering::Relaxed),
            Poll::Ready(Some(Ok(frame))) => {
                if let Err(no_room) = self.reservation.grow(frame.data_ref().map_or(0, Bytes::len))
                {
                    return Poll::Ready(Some(Err(no_room.into())));
                }
            }
            _ => {}
        }
        polled.map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn key(id: &str) -> Sender {
        Sender::Key(id.to_owned())
    }

    #[test]
    fn the_first_bytes_of_each_body_are_free_and_the_rest_is_counted_until_its_end() {
        let bodies = Bodies::new(4_000);
        let large = bodies.begin(key("a"));
        large.grow(FREE_BYTES).unwrap();
        assert_eq!(lock(&bodies.held).all, 0);
        large.grow(1_000).unwrap();
        large.grow(2_000).unwrap();
        assert_eq!(lock(&bodies.held).all, 3_000);
        bodies.begin(key("a")).grow(FREE_BYTES).expect("a small one has room");
        drop(large);
        let held = lock(&bodies.held);
        assert_eq!((held.all, held.by_sender.len()), (0, 0));
    }

    #[test]
    fn one_sender_has_three_quarters_at_most() {
        let bodies = Bodies::new(4_000);
        let (greedy, modest) = (bodies.begin(key("a")), bodies.begin(key("b")));
        greedy.grow(FREE_BYTES + 3_000).unwrap();
        assert!(greedy.grow(1).is_err());
        modest.grow(FREE_BYTES + 1_000).unwrap();
        assert!(modest.grow(1).is_err(), "nothing is left");
        drop(greedy);
        modest.grow(1_000).unwrap();
    }

    #[test]
    fn behind_a_proxy_the_sender_is_who_the_proxy_says() {
        let proxies = ["192.0.2.0/24".parse().unwrap()];
        let of = |peer: &str, forwarded: &'static str| {
            let mut headers = HeaderMap::new();
            headers.append("x-forwarded-for", HeaderValue::from_static(forwarded));
            Sender::of(None, Peer::Address(peer.parse().unwrap()), &headers, &proxies)
        };
        let address = |text: &str| Sender::Address(text.parse().unwrap());
        assert_eq!(of("192.0.2.1", "198.51.100.7"), address("198.51.100.7"));
        assert_eq!(
            of("192.0.2.1", "203.0.113.1, 198.51.100.7, 192.0.2.9"),
            address("198.51.100.7")
        );
        assert_eq!(of("127.0.0.1", "198.51.100.7"), address("198.51.100.7"));
        assert_eq!(of("127.0.0.1", "garbage"), Sender::ThisMachine);
        assert_eq!(of("203.0.113.9", "198.51.100.7"), address("203.0.113.9"), "its own word");
    }
}
