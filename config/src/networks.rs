//! Networks: `10.0.0.0/8`, `2001:db8::/32`, or one address.

use std::net::IpAddr;

use ipnet::IpNet;

/// Reads one; an IPv4 address in the form of IPv6 is the IPv4 address.
pub(crate) fn parse(text: &str) -> Option<IpNet> {
    let address = |text: &str| text.parse::<IpAddr>().ok();
    match text.split_once('/') {
        None => Some(IpNet::from(address(text)?.to_canonical())),
        Some(_) => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn networks_and_single_addresses_are_read_and_nothing_else() {
        for (text, holds, lacks) in [
            ("10.0.0.0/8", "10.1.2.3", "11.0.0.1"),
            ("10.1.2.3/8", "10.9.9.9", "11.0.0.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("2001:db8::/32", "2001:db8:1::1", "2001:db9::1"),
            ("::1", "::1", "::2"),
        ] {
            let network = parse(text).unwrap();
            assert!(network.contains(&holds.parse::<std::net::IpAddr>().unwrap()));
            assert!(!network.contains(&lacks.parse::<std::net::IpAddr>().unwrap()));
        }
        for text in [
            "",
            "10.0.0.0/33",
            "proxy.corp",
            "10.0.0/8",
            "[::1]",
            "10.0.0.1:80",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
