//! Which addresses may be reached. Pure rules; must never trust the form of an address: an address
//! inside another counts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Cidr, Reach};

const LOOPBACK: &str = "a loopback address";
const PRIVATE: &str = "a private address";
const SHARED: &str = "an address of carrier-grade NAT";
const UNIQUE_LOCAL: &str = "a unique local address";
const LINK_LOCAL: &str = "a link-local address";
const METADATA: &str = "an address of cloud metadata";
const DOCUMENTATION: &str = "an address of documentation";
const RESERVED: &str = "a reserved address";

/// Ranges of IPv4 that are not public (IANA's registry of special addresses), the more special ones
/// first.
const NOT_PUBLIC: &[([u8; 4], u32, &str)] = &[
    ([0, 0, 0, 0], 8, "an unspecified address"),
    ([10, 0, 0, 0], 8, PRIVATE),
    ([100, 100, 100, 200], 32, METADATA),
    ([100, 64, 0, 0], 10, SHARED),
    ([127, 0, 0, 0], 8, LOOPBACK),
    ([168, 63, 129, 16], 32, METADATA),
    ([169, 254, 169, 254], 32, METADATA),
    ([169, 254, 0, 0], 16, LINK_LOCAL),
    ([172, 16, 0, 0], 12, PRIVATE),
    ([192, 0, 0, 0], 24, RESERVED),
    ([192, 0, 2, 0], 24, DOCUMENTATION),
    ([192, 88, 99, 0], 24, RESERVED),
    ([192, 168, 0, 0], 16, PRIVATE),
    ([198, 18, 0, 0], 15, "an address of benchmarks"),
    ([198, 51, 100, 0], 24, DOCUMENTATION),
    ([203, 0, 113, 0], 24, DOCUMENTATION),
    ([224, 0, 0, 0], 4, "a multicast address"),
    ([255, 255, 255, 255], 32, "a broadcast address"),
    ([240, 0, 0, 0], 4, RESERVED),
];

/// Ranges of IPv6 that are not public, by their first four groups.
const NOT_PUBLIC_V6: &[([u16; 4], u32, &str)] = &[
    ([0xff00, 0, 0, 0], 8, "a multicast address"),
    ([0xfe80, 0, 0, 0], 10, LINK_LOCAL),
    ([0xfec0, 0, 0, 0], 10, "a site-local address"),
    ([0xfc00, 0, 0, 0], 7, UNIQUE_LOCAL),
    ([0x2001, 0x0db8, 0, 0], 32, DOCUMENTATION),
    ([0x3fff, 0, 0, 0], 20, DOCUMENTATION),
    ([0x2001, 2, 0, 0], 48, "an address of benchmarks"),
];
/// The addresses of clouds' metadata over IPv6, in networks that are otherwise like private ones.
const METADATA_V6: &[Ipv6Addr] = &[
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
];
/// Protocol assignments, Teredo among them.
const ASSIGNMENTS: ([u16; 4], u32) = ([0x2001, 0, 0, 0], 23);
/// All of IPv6 that is assigned to networks.
const GLOBAL: ([u16; 4], u32) = ([0x2000, 0, 0, 0], 3);

/// Which addresses one kind of request may reach.
#[derive(Clone, Debug)]
pub struct Policy {
    any: bool,
    /// Kinds of addresses that may be reached although they are not public.
    also: &'static [&'static str],
    allow: Vec<Cidr>,
}

/// An address that may not be reached, and its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {kind}")]
pub struct Refusal {
    pub address: IpAddr,
    kind: &'static str,
}

impl Refusal {
    /// The address alone, for a grant.
    pub fn cidr(&self) -> String {
        let bits = if self.address.is_ipv4() { 32 } else { 128 };
        format!("{}/{bits}", self.address)
    }
}

impl Policy {
    pub fn new(reach: &Reach, allow_cidr: &[Cidr]) -> Self {
        let also: &[Cidr] = match reach {
            Reach::Also(also) => also,
            Reach::Public | Reach::Any | Reach::Loopback => &[],
        };
        Self {
            any: *reach == Reach::Any,
            also: if *reach == Reach::Loopback { &[LOOPBACK] } else { &[] },
            allow: allow_cidr.iter().chain(also).copied().collect(),
        }
    }

    /// The policy of TCP connections. The operator named what they reach, so it may be private.
    /// Addresses where no server of a community ever is, above all a cloud's metadata, have to be
    /// allowed by address.
    pub fn of_tcp(cidr: &[Cidr], allow_cidr: &[Cidr]) -> Self {
        let allow = allow_cidr.iter().chain(cidr).copied().collect();
        Self { any: false, also: &[LOOPBACK, PRIVATE, SHARED, UNIQUE_LOCAL], allow }
    }

    pub fn check(&self, address: IpAddr) -> Result<(), Refusal> {
        match unwrapped(address) {
            IpAddr::V4(v4) => self.check_v4(v4),
            IpAddr::V6(v6) => self.check_v6(v6),
        }
    }

    fn check_v4(&self, v4: Ipv4Addr) -> Result<(), Refusal> {
        self.verdict(v4.into(), not_public(v4))
    }

    fn check_v6(&self, v6: Ipv6Addr) -> Result<(), Refusal> {
        // The address inside must be allowed, too, whatever is allowed for its outer form.
        if !self.any {
            carried(v6).into_iter().flatten().try_for_each(|inner| self.check_v4(inner))?;
        }
        self.verdict(v6.into(), not_public_v6(v6))
    }

    fn verdict(&self, address: IpAddr, kind: Option<&'static str>) -> Result<(), Refusal> {
        match kind {
            None => Ok(()),
            Some(_) if self.any || self.allow.iter().any(|cidr| cidr.contains(address)) => Ok(()),
            Some(kind) if self.also.contains(&kind) => Ok(()),
            Some(kind) => Err(Refusal { address, kind }),
        }
    }
}

fn not_public(v4: Ipv4Addr) -> Option<&'static str> {
    let is_in = |network: [u8; 4], prefix: u32| {
        (v4.to_bits() ^ u32::from_be_bytes(network)) >> (32 - prefix) == 0
    };
    NOT_PUBLIC.iter().find(|(network, prefix, _)| is_in(*network, *prefix)).map(|(.., kind)| *kind)
}

fn not_public_v6(v6: Ipv6Addr) -> Option<&'static str> {
    if v6.is_loopback() {
        return Some(LOOPBACK);
    }
    if v6.is_unspecified() {
        return Some("an unspecified address");
    }
    if METADATA_V6.contains(&v6) {
        return Some(METADATA);
    }
    let listed = NOT_PUBLIC_V6.iter().find(|(network, prefix, _)| begins(v6, *network, *prefix));
    if let Some((.., kind)) = listed {
        return Some(kind);
    }
    let teredo = v6.segments().starts_with(&[0x2001, 0]);
    let translated = is_local_nat64(v6);
    let is_assignment = begins(v6, ASSIGNMENTS.0, ASSIGNMENTS.1) && !teredo;
    let is_global = begins(v6, GLOBAL.0, GLOBAL.1) && !is_assignment;
    (!is_global && !translated).then_some(RESERVED)
}

fn begins(v6: Ipv6Addr, network: [u16; 4], prefix: u32) -> bool {
    let [a, b, c, d] = network;
    let network = Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_bits();
    (v6.to_bits() ^ network) >> (128 - prefix) == 0
}

/// The IPv4 address inside this one: IPv4-mapped, IPv4-compatible, and NAT64.
fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [.., a, b, c, d] = v6.octets();
    let is_spelling = match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => false,
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => true,
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => true,
        _ => false,
    };
    if is_spelling { Ipv4Addr::new(a, b, c, d).into() } else { address }
}

fn is_local_nat64(v6: Ipv6Addr) -> bool {
    v6.segments().starts_with(&[0x64, 0xff9b, 1])
}

/// IPv4 addresses to which packets to this one may be routed: 6to4, Teredo (server and client), and
/// NAT64 with a network's own prefix, whose length is unknown.
fn carried(v6: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let at = |bytes: [u8; 4]| Some(Ipv4Addr::from(bytes));
    let [_, _, a, b, c, d, e, f, _, g, h, .., p, q, r, s] = v6.octets();
    match v6.segments() {
        [0x2002, ..] => [at([a, b, c, d]), None],
        [0x2001, 0, ..] => [at([c, d, e, f]), at([!p, !q, !r, !s])],
        [0x64, 0xff9b, 1, ..] => {
            let (short, long) = ([e, f, g, h], [p, q, r, s]);
            let is_short = [p, q, r, s] == [0; 4];
            if is_short {
                [at(short), None]
            } else {
                [at(long), (e | f | g | h != 0).then(|| short.into())]
            }
        }
        _ => [None, None],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(reach: &Reach, address: &str) -> Option<&'static str> {
        let policy = Policy::new(reach, &[]);
        policy.check(address.parse().unwrap()).err().map(|refusal| refusal.kind)
    }

    #[test]
    fn a_tcp_connection_reaches_private_addresses_and_no_metadata() {
        let policy = Policy::of_tcp(&[], &[]);
        let check = |address: &str| policy.check(address.parse().unwrap());
        for address in
            ["127.0.0.1", "::1", "10.0.0.5", "192.168.1.1", "100.64.0.1", "fd12::1", "1.1.1.1"]
        {
            assert_eq!(check(address), Ok(()), "{address}");
        }
        for address in [
            "169.254.169.254",
            "169.254.1.1",
            "168.63.129.16",
            "100.100.100.200",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fd00:c1::a9fe:a9fe",
            "fe80::1",
            "::ffff:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "0.0.0.0",
            "224.0.0.1",
        ] {
            assert!(check(address).is_err(), "{address}");
        }
        let granted = Policy::of_tcp(&["169.254.169.254/32".parse().unwrap()], &[]);
        assert_eq!(granted.check("169.254.169.254".parse().unwrap()), Ok(()));
    }

    #[test]
    fn public_addresses_are_reached() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2001:4860:4860::8888",
            "::ffff:1.1.1.1",
            "::1.1.1.1",
            "64:ff9b::1.1.1.1",
            "64:ff9b:1::1.1.1.1",
            "2002:0101:0101::1",
        ] {
            assert_eq!(kind(&Reach::Public, address), None, "{address}");
        }
    }

    #[test]
    fn addresses_that_are_not_public_are_refused() {
        for (address, expected) in [
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "unspecified"),
            ("10.0.0.1", "private"),
            ("100.64.0.1", "carrier-grade"),
            ("100.127.255.255", "carrier-grade"),
            ("100.100.100.200", "metadata"),
            ("127.0.0.1", "loopback"),
            ("127.255.255.255", "loopback"),
            ("168.63.129.16", "metadata"),
            ("169.254.0.1", "link-local"),
            ("169.254.169.254", "metadata"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.0.0.192", "reserved"),
            ("192.0.2.1", "documentation"),
            ("192.88.99.1", "reserved"),
            ("192.168.255.255", "private"),
            ("198.18.0.1", "benchmarks"),
            ("198.19.255.255", "benchmarks"),
            ("198.51.100.1", "documentation"),
            ("203.0.113.1", "documentation"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.255", "multicast"),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "broadcast"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("fc00::1", "unique local"),
            ("fd00:ec2::254", "metadata"),
            ("fd20:ce::254", "metadata"),
            ("fd00:c1::a9fe:a9fe", "metadata"),
            ("fe80::1", "link-local"),
            ("febf::1", "link-local"),
            ("fec0::1", "site-local"),
            ("ff02::1", "multicast"),
            ("2001:db8::1", "documentation"),
            ("3fff::1", "documentation"),
            ("2001:2::1", "benchmarks"),
            ("2001:10::1", "reserved"),
            ("100::1", "reserved"),
            ("5f00::1", "reserved"),
            ("4000::1", "reserved"),
        ] {
            let found = kind(&Reach::Public, address).unwrap_or("nothing");
            assert!(found.contains(expected), "{address}: {found}");
        }
    }

    #[test]
    fn what_is_wrapped_counts() {
        for (address, expected) in [
            ("::ffff:127.0.0.1", "loopback"),
            ("::ffff:169.254.169.254", "metadata"),
            ("::ffff:0:10.0.0.1", "private"),
            ("::127.0.0.1", "loopback"),
            ("64:ff9b::10.0.0.1", "private"),
            ("64:ff9b::a9fe:a9fe", "metadata"),
            ("64:ff9b:1::127.0.0.1", "loopback"),
            ("64:ff9b:1:a00:0:100::", "private"),
            ("64:ff9b:1:0808:8:800:7f00:1", "loopback"),
            ("2002:7f00:1::1", "loopback"),
            ("2002:c0a8:101::1", "private"),
            ("2001:0:7f00:1::f5f5:f5f5", "loopback"),
            ("2001:0:0808:0808::f5ff:fffe", "private"),
        ] {
            let found = kind(&Reach::Public, address).unwrap_or("nothing");
            assert!(found.contains(expected), "{address}: {found}");
        }
    }

    #[test]
    fn a_range_allows_an_address_however_it_is_spelled() {
        let ten = Reach::Also(["10.0.0.0/8".parse().unwrap()].into());
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "2002:0a01:0203::1"] {
            assert_eq!(kind(&ten, address), None, "{address}");
        }
        assert!(kind(&ten, "11.0.0.1").is_none() && kind(&ten, "192.168.0.1").is_some());
        let everything_v6 = Reach::Also(["::/0".parse().unwrap()].into());
        assert_eq!(kind(&everything_v6, "::1"), None);
        assert_eq!(kind(&everything_v6, "2002:7f00:1::1"), Some(LOOPBACK));
        assert_eq!(kind(&everything_v6, "::ffff:127.0.0.1"), Some(LOOPBACK));
    }

    #[test]
    fn each_kind_of_request_has_its_reach() {
        for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(kind(&Reach::Loopback, address), None, "{address}");
            assert_eq!(kind(&Reach::Any, address), None, "{address}");
        }
        assert!(kind(&Reach::Loopback, "10.0.0.1").is_some());
        assert_eq!(kind(&Reach::Any, "2002:0a00:1::1"), None);
    }
}
