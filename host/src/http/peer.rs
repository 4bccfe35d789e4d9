//! The other end of a connection.

use std::net::{IpAddr, Ipv6Addr};

use moothall_values::destination::Cidr;

/// The bits of an IPv6 address that identify a client: the prefix that a provider assigns.
const CLIENT_BITS: u32 = 64;

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Address(IpAddr),
    /// A process on this machine that may open the socket's file.
    Unix,
}

impl Peer {
    /// Whether it is a proxy or on this machine.
    pub fn is_trusted(self, proxies: &[Cidr]) -> bool {
        match self {
            Self::Unix => true,
            Self::Address(address) => {
                address.is_loopback() || proxies.iter().any(|proxy| proxy.contains(address))
            }
        }
    }
}

/// The part of an address that identifies one client.
pub fn client(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let mask = u128::MAX << (u128::BITS - CLIENT_BITS);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}
