//! Where to listen: an address and a port, or a name of this machine and a port.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs as _};

use crate::said::Said;

/// The name that means this machine, whatever a resolver says. Source: RFC 6761, section 6.3.
const LOCALHOST: &str = "localhost";

/// Reads the address of a listener.
pub(crate) fn address(said: &mut Said<'_>, default: &str) -> SocketAddr {
    let given = said.one();
    let text = given.map_or(default, |value| value.text.as_str());
    resolved(text).unwrap_or_else(|why| {
        if let Some(value) = given {
            said.notes.error(&value.place, why.to_string());
        }
        // Loopback and port 0 collide with nothing that is checked later.
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
    })
}

/// Says why nobody can listen at a text: the fault of whoever wrote it.
#[derive(Debug, thiserror::Error)]
enum AddressError {
    #[error(
        "wanted ADDRESS:PORT such as 127.0.0.1:5000 for this machine alone or 0.0.0.0:5000 for all \
         interfaces, got {text:?}"
    )]
    Other { text: String },
    #[error("{wanted}: {host} is not known here ({source})")]
    Unknown {
        host: String,
        wanted: Box<AddressError>,
        source: io::Error,
    },
}

/// Gives the address behind a text. A name stands for its first address, an IPv4 one where there
/// is one: what a name means is looked up once.
fn resolved(text: &str) -> Result<SocketAddr, AddressError> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let wanted = || AddressError::Other {
        text: text.to_owned(),
    };
    let (host, port) = text.rsplit_once(':').ok_or_else(wanted)?;
    let port: u16 = port.parse().map_err(|_| wanted())?;
    if host.is_empty() || host.contains([':', '/', '*', '[']) {
        return Err(wanted());
    }
    if host.eq_ignore_ascii_case(LOCALHOST) {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    let found = (host, port).to_socket_addrs();
    let found = found.map_err(|source| AddressError::Unknown {
        host: host.to_owned(),
        wanted: Box::new(wanted()),
        source,
    });
    let mut found: Vec<SocketAddr> = found?.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    found.into_iter().next().ok_or_else(wanted)
}

#[cfg(test)]
mod tests {
    use super::resolved;

    #[test]
    fn a_listener_has_an_address_or_a_name_and_a_port() {
        for (text, wanted) in [
            ("127.0.0.1:5000", "127.0.0.1:5000"),
            ("0.0.0.0:0", "0.0.0.0:0"),
            ("[::1]:5000", "[::1]:5000"),
            ("localhost:5000", "127.0.0.1:5000"),
            ("LocalHost:80", "127.0.0.1:80"),
        ] {
            assert_eq!(resolved(text).unwrap().to_string(), wanted);
        }
    }

    #[test]
    fn anything_else_is_told_what_is_wanted() {
        for text in [
            "",
            "5000",
            ":5000",
            "*:5000",
            "localhost",
            "localhost:",
            "localhost:99999",
            "http://localhost:5000",
            "::1:5000",
            "[::1]",
            "no such host:5000",
            "-:x",
        ] {
            let why = resolved(text).unwrap_err().to_string();
            assert!(
                why.contains("0.0.0.0:5000") && why.contains(&format!("{text:?}")),
                "{why}"
            );
        }
    }
}
