//! Who a client is behind reverse proxies: what the trusted ones say, and nobody else.
//!
//! Source: RFC 7239, and what proxies do with `X-Forwarded-For`. Each proxy adds whom it was asked
//! by on the right, so that is where reading starts: what stands left of the first address that is
//! not a trusted proxy's was written by that client, and says nothing.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The proxies that are believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Believes the proxies in these networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Tells whether a client spoke TLS to the trusted proxy that this connection is of.
    pub fn speaks_tls(&self, connection: IpAddr, headers: &HeaderMap) -> bool {
        let mut told = headers.get_all(X_FORWARDED_PROTO).iter();
        let last = told.next_back().and_then(|value| value.to_str().ok());
        self.holds(connection.to_canonical())
            && last.is_some_and(|proto| proto.trim().eq_ignore_ascii_case("https"))
    }

    /// Gives the client's address: that of the connection, or what trusted proxies say.
    ///
    /// Where they say something that is no address, the last proxy before that stands for the
    /// client; where the two headers contradict each other, one of them is the client's own
    /// invention, and the connection's address stands.
    pub fn client(&self, connection: IpAddr, headers: &HeaderMap) -> IpAddr {
        let connection = connection.to_canonical();
        if !self.holds(connection) {
            return connection;
        }
        let x_forwarded_for = elements(headers, &X_FORWARDED_FOR);
        let forwarded = elements(headers, &FORWARDED);
        let by_x = self.first_untrusted(connection, &x_forwarded_for, address);
        let by_standard = self.first_untrusted(connection, &forwarded, forwarded_for);
        match (x_forwarded_for.is_empty(), forwarded.is_empty()) {
            (false, true) => by_x,
            (true, false) => by_standard,
            (false, false) if by_x == by_standard => by_x,
            (true, true) | (false, false) => connection,
        }
    }

    fn first_untrusted(
        &self,
        connection: IpAddr,
        elements: &[String],
        read: impl Fn(&str) -> Option<IpAddr>,
    ) -> IpAddr {
        let mut client = connection;
        for element in elements.iter().rev() {
            let Some(address) = read(element) else {
                return client;
            };
            client = address;
            if !self.holds(address) {
                return client;
            }
        }
        client
    }

    fn holds(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Splits a header, all lines of it, at its commas but not within quotes. What is no text is an
/// element that means nothing.
fn elements(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let mut elements = Vec::new();
    for line in headers.get_all(name) {
        let mut is_quoted = false;
        let text = line.to_str().unwrap_or("?");
        let parts = text.split(|c| {
            is_quoted ^= c == '"';
            c == ',' && !is_quoted
        });
        elements.extend(parts.map(|part| part.trim().to_owned()));
    }
    elements
}

/// Reads the `for` of one element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in element.split(';') {
        let (name, value) = pair.split_once('=')?;
        if name.trim().eq_ignore_ascii_case("for") {
            // Said twice it is anybody's guess.
            let value = value.trim();
            let bare = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
            if found.replace(address(bare.unwrap_or(value))?).is_some() {
                return None;
            }
        }
    }
    found
}

/// Reads an address, with or without a port or brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bracketed = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let bare = bracketed.unwrap_or(text).parse::<IpAddr>();
    let address = bare.or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.1";

    fn trusted() -> TrustedProxies {
        let networks = ["10.0.0.0/8", "2001:db8:f::/48"];
        TrustedProxies::new(networks.map(|network| network.parse().unwrap()).to_vec())
    }

    fn client(connection: &str, headers: &[(&HeaderName, &str)]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let connection = connection.parse().unwrap();
        trusted().client(connection, &map).to_string()
    }

    #[test]
    fn only_a_trusted_connection_is_believed() {
        let said = [(&X_FORWARDED_FOR, "203.0.113.9")];
        assert_eq!(client(PROXY, &said), "203.0.113.9");
        assert_eq!(client("::ffff:10.0.0.1", &said), "203.0.113.9");
        assert_eq!(client("2001:db8:f::1", &said), "203.0.113.9");
        assert_eq!(client("192.0.2.1", &said), "192.0.2.1");
        assert_eq!(client("::ffff:192.0.2.1", &said), "192.0.2.1");
        assert_eq!(client(PROXY, &[]), PROXY);
        let nobody = TrustedProxies::default();
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, "203.0.113.9".parse().unwrap());
        assert_eq!(
            nobody.client(PROXY.parse().unwrap(), &headers).to_string(),
            PROXY
        );
    }

    #[test]
    fn x_forwarded_for_is_read_from_the_right() {
        for (said, wanted) in [
            ("1.1.1.1, 203.0.113.9", "203.0.113.9"),
            ("1.1.1.1, 203.0.113.9, 10.9.9.9", "203.0.113.9"),
            ("203.0.113.9:4711", "203.0.113.9"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:443", "2001:db8::7"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            // All of them trusted: the outermost asked.
            ("10.7.7.7, 10.8.8.8", "10.7.7.7"),
            // Junk: the last proxy before it.
            ("junk", PROXY),
            ("", PROXY),
            ("203.0.113.9, unknown, 10.8.8.8", "10.8.8.8"),
            ("203.0.113.9,,", PROXY),
            ("fe80::1%eth0", PROXY),
            ("203.0.113.9 10.0.0.3", PROXY),
            ("203.0.113.999", PROXY),
        ] {
            assert_eq!(
                client(PROXY, &[(&X_FORWARDED_FOR, said)]),
                wanted,
                "{said:?}"
            );
        }
        let lines = [
            (&X_FORWARDED_FOR, "1.1.1.1"),
            (&X_FORWARDED_FOR, "203.0.113.9, 10.8.8.8"),
        ];
        assert_eq!(
            client(PROXY, &lines),
            "203.0.113.9",
            "two lines are one list"
        );
    }

    #[test]
    fn forwarded_is_read_as_the_standard_says() {
        for (said, wanted) in [
            ("for=203.0.113.9", "203.0.113.9"),
            ("For=203.0.113.9;proto=https;by=10.0.0.1", "203.0.113.9"),
            ("proto=http; for=\"203.0.113.9:47011\"", "203.0.113.9"),
            ("for=\"[2001:db8::7]:443\"", "2001:db8::7"),
            ("for=1.1.1.1, for=203.0.113.9, for=10.8.8.8", "203.0.113.9"),
            ("for=1.1.1.1, for=\"a,b\", for=10.8.8.8", "10.8.8.8"),
            ("for=unknown", PROXY),
            ("for=_hidden, for=10.8.8.8", "10.8.8.8"),
            ("proto=https", PROXY),
            ("for=203.0.113.9;for=1.1.1.1", PROXY),
            ("nonsense", PROXY),
        ] {
            assert_eq!(client(PROXY, &[(&FORWARDED, said)]), wanted, "{said:?}");
        }
    }

    #[test]
    fn headers_that_contradict_each_other_say_nothing() {
        let x = (&X_FORWARDED_FOR, "203.0.113.9");
        assert_eq!(
            client(PROXY, &[x, (&FORWARDED, "for=203.0.113.9")]),
            "203.0.113.9"
        );
        assert_eq!(client(PROXY, &[x, (&FORWARDED, "for=198.51.100.7")]), PROXY);
    }
}
