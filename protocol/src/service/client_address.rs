//! The address of a client whose request came over a TCP connection: that of the connection itself, or one that a trusted proxy
//! sent.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A range of IP addresses: `10.0.0.0/8`, `2001:db8::/32`, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// Number of leading bits of the network.
    bits: u8,
}

impl Network {
    /// Reads `10.0.0.0/8` or `10.1.2.3`. `None` if the string has another form, or more bits than an address.
    pub fn read(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let address = plain(address.parse().ok()?);
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Self { address, bits })
    }

    /// True if `address` is in the network. An IPv4 address in IPv6 form counts as the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, plain(address)) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                shares_bits(u128::from(u32::from(own)), u128::from(u32::from(other)), 32 - u32::from(self.bits))
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                shares_bits(u128::from(own), u128::from(other), 128 - u32::from(self.bits))
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// True if the numbers are equal without their lowest `free` bits.
fn shares_bits(one: u128, other: u128, free: u32) -> bool {
    (one ^ other).checked_shr(free).unwrap_or(0) == 0
}

/// Returns the client's address: `peer`, the other end of the TCP connection, or one from `forwarded`, the value of a header.
///
/// Each proxy appends the address of its peer to the header, separated by commas. So the list is read from its end, as long as
/// the entries come from trusted proxies: the first address that is not a trusted proxy is the client's. Everything before it
/// may be forged by the client.
///
/// Returns `None` if `peer` is not an address, as with a Unix socket, and the header has no address either.
pub fn client_address(peer: &str, forwarded: Option<&str>, proxies: &[Network]) -> Option<IpAddr> {
    let mut address = read_address(peer)?;
    let mut named = forwarded.unwrap_or_default().rsplit(',').map(str::trim);
    while proxies.iter().any(|network| network.contains(address)) {
        match named.next().and_then(read_address) {
            Some(before) => address = before,
            None => break,
        }
    }
    Some(address)
}

/// Reads an address, with a port or without.
fn read_address(text: &str) -> Option<IpAddr> {
    let address = text.parse::<SocketAddr>().map(|socket| socket.ip());
    let address = address.or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse());
    address.ok().map(plain)
}

/// Converts an IPv4 address in IPv6 form, as dual-stack sockets report it, into the IPv4 address.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => address.to_ipv4_mapped().map_or(IpAddr::V6(address), |v4: Ipv4Addr| IpAddr::V4(v4)),
        IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts.iter().map(|text| Network::read(text).unwrap()).collect()
    }

    #[test]
    fn a_network_has_the_addresses_that_share_its_bits() {
        for (network, address, is_in) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.4", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:1::", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("::ffff:10.0.0.0", "10.0.0.0", true),
        ] {
            let found = Network::read(network).unwrap().contains(address.parse().unwrap());
            assert_eq!(found, is_in, "{address} in {network}");
        }
        for text in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "example.com", "10.0.0.0/8 "] {
            assert_eq!(Network::read(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_header_counts_as_far_as_trusted_proxies_wrote_it() {
        let proxies = ["10.0.0.0/8", "fd00::/8"];
        for (peer, forwarded, proxies, address) in [
            // No proxy is trusted, so anybody may have written the header.
            ("192.0.2.1:4711", Some("203.0.113.9"), &[][..], "192.0.2.1"),
            // A client that bypasses the proxies.
            ("192.0.2.1:4711", Some("203.0.113.9"), &proxies[..], "192.0.2.1"),
            ("10.0.0.1:4711", Some("203.0.113.9"), &proxies[..], "203.0.113.9"),
            // The client's own header comes first.
            ("10.0.0.1:4711", Some("198.51.100.1, 203.0.113.9"), &proxies[..], "203.0.113.9"),
            ("10.0.0.1:4711", Some("203.0.113.9, 10.0.0.2,10.0.0.3"), &proxies[..], "203.0.113.9"),
            ("[fd00::1]:4711", Some("203.0.113.9:5000, [fd00::2]"), &proxies[..], "203.0.113.9"),
            ("10.0.0.1:4711", Some("2001:db8::1"), &proxies[..], "2001:db8::1"),
            ("10.0.0.1:4711", None, &proxies[..], "10.0.0.1"),
            ("10.0.0.1:4711", Some(""), &proxies[..], "10.0.0.1"),
            ("10.0.0.1:4711", Some("203.0.113.9, unknown"), &proxies[..], "10.0.0.1"),
            ("10.0.0.1:4711", Some("10.0.0.9"), &proxies[..], "10.0.0.9"),
            ("[::ffff:10.0.0.1]:4711", Some("203.0.113.9"), &proxies[..], "203.0.113.9"),
        ] {
            let found = client_address(peer, forwarded, &networks(proxies));
            assert_eq!(found, Some(address.parse().unwrap()), "{peer} {forwarded:?}");
        }
        assert_eq!(client_address("unix:/run/proxy.sock", Some("203.0.113.9"), &networks(&proxies)), None);
    }
}
