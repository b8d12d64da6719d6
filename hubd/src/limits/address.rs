//! Addresses: which one a request comes from, and which of them count as one subscriber.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use hyper::HeaderMap;
use hyper::header::FORWARDED;
use ipnet::{IpNet, Ipv4Net};

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address range of one subscriber: an IPv4 address, or an IPv6 /64.
pub(super) fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// Reads a network, or an address as the network of that address alone. An IPv4 network that is written
/// as IPv6 (`::ffff:10.0.0.0/104`) becomes the IPv4 network.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => address.into(),
        Err(_) => text.parse::<IpNet>().map_err(|error| error.to_string())?,
    };
    let IpNet::V6(v6) = network else { return Ok(network) };
    let mapped = v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96));
    let v4 = mapped.and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok());
    Ok(v4.map_or(network, IpNet::V4))
}

/// Whether a network of the list contains the address.
pub(super) fn is_in(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// The address that a request comes from: the address of the peer or, when the peer is a trusted proxy,
/// the last forwarded address that is not a trusted proxy.
pub(crate) fn client_of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut client = peer.to_canonical();
    if !is_in(trusted, client) {
        return client;
    }
    for hop in hops(headers).into_iter().rev() {
        // What a proxy wrote here is not known, and what stands before it anybody may have sent.
        let Some(address) = hop else { break };
        client = address;
        if !is_in(trusted, client) {
            break;
        }
    }
    client
}

/// The forwarded addresses, in the order of the proxies; `None` for one that cannot be read. A proxy that
/// writes `X-Forwarded-For` passes on what a client says in `Forwarded`, so that counts only alone.
fn hops(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    if headers.contains_key(FORWARDED_FOR) {
        return items(headers, FORWARDED_FOR).map(|item| address(item?)).collect();
    }
    items(headers, FORWARDED.as_str()).map(|item| address(for_of(item?)?)).collect()
}

/// The items of a list that may span several lines (RFC 9110 §5.6.1); `None` for one that is not text.
fn items<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = Option<&'h str>> {
    let items = headers.get_all(name).iter().flat_map(|line| line.as_bytes().split(|b| *b == b','));
    items
        .map(<[u8]>::trim_ascii)
        .filter(|item| !item.is_empty())
        .map(|item| str::from_utf8(item).ok())
}

/// The value of `for` in an element of `Forwarded` (RFC 7239 §4).
fn for_of(element: &str) -> Option<&str> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    Some(value.trim())
}

/// An address in the forms that proxies write: with a port, in brackets, quoted.
fn address(text: &str) -> Option<IpAddr> {
    let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let text = quoted.unwrap_or(text).trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok();
    let address = address.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    address.as_ref().map(IpAddr::to_canonical)
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn client(name: &'static str, lines: &[&str]) -> IpAddr {
        let trusted = ["10.0.0.0/8", "::1"].map(|text| network(text).unwrap());
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        client_of(ip("10.0.0.1"), &headers, &trusted)
    }

    #[test]
    fn forwarded_addresses_are_believed_from_trusted_proxies_only() {
        let lines = ["198.51.100.9, 203.0.113.7", "10.0.0.2"];
        assert_eq!(client("x-forwarded-for", &lines), ip("203.0.113.7"));
        assert_eq!(client("x-forwarded-for", &[]), ip("10.0.0.1"));
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "198.51.100.9".parse().unwrap());
        let trusted = [network("10.0.0.0/8").unwrap()];
        assert_eq!(client_of(ip("192.0.2.1"), &headers, &trusted), ip("192.0.2.1"));
    }

    #[test]
    fn an_address_is_read_in_every_form() {
        for (item, expected) in [
            ("203.0.113.7", "203.0.113.7"),
            ("203.0.113.7:4711", "203.0.113.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("\"203.0.113.7\"", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("198.51.100.9, , 203.0.113.7, ", "203.0.113.7"),
            ("203.0.113.7, unknown", "10.0.0.1"),
            ("203.0.113.7, unknown, 10.0.0.9", "10.0.0.9"),
            ("\u{e9}, 203.0.113.7", "203.0.113.7"),
            ("203.0.113.7, \u{e9}", "10.0.0.1"),
        ] {
            assert_eq!(client("x-forwarded-for", &[item]), ip(expected), "{item}");
        }
        for (element, expected) in [
            ("for=203.0.113.7;proto=https", "203.0.113.7"),
            ("proto=http; For=\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("for=198.51.100.9, for=203.0.113.7", "203.0.113.7"),
            ("for=203.0.113.7, for=_hidden", "10.0.0.1"),
            ("for=203.0.113.7, by=10.0.0.9", "10.0.0.1"),
        ] {
            assert_eq!(client("forwarded", &[element]), ip(expected), "{element}");
        }
    }

    #[test]
    fn a_client_cannot_choose_the_header_that_is_read() {
        let trusted = [network("10.0.0.0/8").unwrap()];
        for (line, expected) in [
            (&b"\xff, 203.0.113.7"[..], "203.0.113.7"),
            (b"203.0.113.7", "203.0.113.7"),
            (b"\xff", "10.0.0.1"),
            (b"", "10.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            headers.append(FORWARDED, "for=198.51.100.9".parse().unwrap());
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line).unwrap());
            assert_eq!(client_of(ip("10.0.0.1"), &headers, &trusted), ip(expected), "{line:?}");
        }
    }

    #[test]
    fn a_network_may_be_an_address_or_written_as_ipv6() {
        for (text, within) in [
            ("::ffff:10.0.0.0/104", "10.1.2.3"),
            ("::ffff:10.1.2.3", "10.1.2.3"),
            ("10.0.0.0/8", "::ffff:10.1.2.3"),
            ("10.1.2.3", "10.1.2.3"),
            ("2001:db8::/32", "2001:db8::1"),
        ] {
            let networks = [network(text).unwrap()];
            assert!(is_in(&networks, ip(within)), "{text} contains {within}");
            assert!(!is_in(&networks, ip("192.0.2.1")), "{text}");
        }
        assert!(network("x").is_err());
    }
}
