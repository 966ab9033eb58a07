//! Which addresses may be reached when somebody else chose the host: public ones.
//!
//! Pure. The connector asks for every address it is about to connect to; the configured upstream
//! and the operator's allow-list never come here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Tells whether an address belongs to the public internet.
///
/// Source: IANA special-purpose address registries for IPv4 and IPv6. IPv6 forms that carry an
/// IPv4 address are judged by that address.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let benchmarking = a == 198 && (b == 18 || b == 19);
    let protocol_assignments = a == 192 && b == 0 && c == 0;
    let six_to_four_relay = a == 192 && b == 88 && c == 99;
    // Azure's metadata and DNS service lives in public space.
    let azure_wire_server = address == Ipv4Addr::new(168, 63, 129, 16);
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240;
    !(special
        || shared
        || benchmarking
        || protocol_assignments
        || six_to_four_relay
        || azure_wire_server)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(embedded) = embedded_v4(address) {
        return is_public_v4(embedded);
    }
    let [first, second, ..] = address.segments();
    let global_unicast = first & 0xe000 == 0x2000;
    let documentation = first == 0x2001 && second == 0x0db8;
    let protocol_assignments = first == 0x2001 && second < 0x0200;
    global_unicast && !documentation && !protocol_assignments
}

/// Finds the IPv4 address inside mapped, compatible, NAT64 and 6to4 addresses.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [s0, s1, s2, s3, s4, s5, high, low] = address.segments();
    let join = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    let nat64 = [s0, s1, s2, s3, s4, s5] == [0x64, 0xff9b, 0, 0, 0, 0];
    let mapped = [s0, s1, s2, s3, s4] == [0; 5] && (s5 == 0xffff || s5 == 0);
    if nat64 || mapped {
        return Some(join(high, low));
    }
    (s0 == 0x2002).then(|| join(s1, s2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_every_address_that_is_not_public() {
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "192.0.0.192",
            "198.18.0.1",
            "203.0.113.5",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001:db8::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1.1.1.1",
            "2002:7f00:0001::",
            "2001::1",
        ] {
            let address = text.parse().unwrap();
            assert!(!is_public(address), "{text} was taken for public");
        }
    }

    #[test]
    fn accepts_public_addresses() {
        for text in [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "64:ff9b::1.1.1.1",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text} is public");
        }
    }
}
