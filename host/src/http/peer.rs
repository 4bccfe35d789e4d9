//! The other end of a connection.

use std::net::{IpAddr, Ipv6Addr};

use moothall_values::destination::Cidr;

/// Bits of an IPv6 address that tell one client from another: what a provider hands out.
const CLIENT_BITS: u32 = 64;

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Address(IpAddr),
    /// Somebody on this machine who may open the socket's file.
    Unix,
}

impl Peer {
    /// Whether it speaks for others, or is of this machine.
    pub fn is_trusted(self, proxies: &[Cidr]) -> bool {
        match self {
            Self::Unix => true,
            Self::Address(address) => {
                address.is_loopback() || proxies.iter().any(|proxy| proxy.contains(address))
            }
        }
    }
}

/// What one client has for its own of the addresses that there are.
pub fn client(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let mask = u128::MAX << (u128::BITS - CLIENT_BITS);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}
