//! Which addresses direct delivery may dial.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which addresses a name that a stranger controls may lead to. Relays are not held against it:
/// their names are written by the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Only what the public internet routes.
    Public,
    /// That and loopback, for tests against servers on this machine.
    PublicAndLoopback,
}

impl Reach {
    /// Whether `address` may be dialled. IPv4 inside IPv6 is judged as IPv4.
    pub fn permits(self, address: IpAddr) -> bool {
        match unwrapped(address) {
            inner if inner.is_loopback() => self == Self::PublicAndLoopback,
            IpAddr::V4(inner) => is_public_v4(inner),
            IpAddr::V6(inner) => is_public_v6(inner),
        }
    }
}

/// The address behind a mapped one (RFC 4291 §2.5.5.2), NAT64 (RFC 6052 §2.1) or 6to4 (RFC 3056 §2).
fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    let from = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => from(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => from(high, low),
        [0x2002, high, low, ..] => from(high, low),
        _ => address,
    }
}

/// Not this network, private, carrier's, link-local (where clouds keep their metadata), protocol
/// assignments, benchmarks, multicast or reserved (RFC 6890 §2.2.2).
const fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0, _]
            | [192, 168, ..]
            | [198, 18 | 19, ..]
    )
}

/// Global unicast (RFC 4291 §2.4) without Teredo, which holds a hidden IPv4 address (RFC 4380 §4).
const fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    matches!(segments[0], 0x2000..=0x3fff) && !matches!(segments, [0x2001, 0, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, is_public: bool) {
        let address: IpAddr = address.parse().unwrap();
        assert_eq!(Reach::Public.permits(address), is_public, "{address}");
    }

    #[test]
    fn what_the_internet_routes_is_dialled() {
        for address in [
            "142.250.153.26",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "223.255.255.1",
            "2a00:1450:4010:c1c::1a",
            "::ffff:142.250.153.26",
            "64:ff9b::142.250.153.26",
        ] {
            check(address, true);
        }
    }

    #[test]
    fn what_lies_inside_is_not_dialled_however_it_is_written() {
        for address in [
            "127.0.0.1",
            "127.255.255.254",
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.170",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "2002:0a00:0001::1",
            "2002:7f00:0001::",
            "2001::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            check(address, false);
        }
    }

    #[test]
    fn loopback_is_dialled_only_where_the_configuration_says_so() {
        for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            let address: IpAddr = address.parse().unwrap();
            assert!(!Reach::Public.permits(address));
            assert!(Reach::PublicAndLoopback.permits(address));
        }
        let private: IpAddr = "10.0.0.1".parse().unwrap();
        assert!(!Reach::PublicAndLoopback.permits(private));
    }
}
