//! Whom a binding names: access keys, client certificates and networks.

use std::net::IpAddr;

use ipnet::IpNet;
use sluicegate_model::Principal;

use sluicegate_model::glob::Glob;

/// What begins the pattern of a key.
const KEY: &str = "key:";
/// What begins the pattern of a certificate.
const CERTIFICATE: &str = "cert:";

/// Who asks, as far as bindings can name them.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// Who that is proven to be, where anything is.
    pub principal: Option<&'a Principal>,
    /// From where.
    pub address: IpAddr,
}

/// Those whom one entry of a binding names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// Holders of access keys of such a name.
    Key(Glob),
    /// Holders of certificates of such a common name.
    Certificate(Glob),
    /// Everybody in a network.
    Network(IpNet),
}

impl Client {
    /// Reads an entry: `key:GLOB`, `cert:GLOB`, a network, or one address.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let name = |glob: &str| Some(Glob::new(glob)).filter(|_| !glob.is_empty());
        if let Some(glob) = text.strip_prefix(KEY) {
            return name(glob).map(Self::Key);
        }
        if let Some(glob) = text.strip_prefix(CERTIFICATE) {
            return name(glob).map(Self::Certificate);
        }
        let network = match text.split_once('/') {
            None => IpNet::from(text.parse::<IpAddr>().ok()?.to_canonical()),
            Some(_) => text.parse().ok()?,
        };
        Some(Self::Network(network))
    }

    /// Tells whether it names whoever asks. An IPv4 address in the form of IPv6 is the IPv4 address.
    pub(crate) fn names(&self, asker: &Asker<'_>) -> bool {
        match (self, asker.principal) {
            (Self::Network(network), _) => network.contains(&asker.address.to_canonical()),
            (Self::Key(glob), Some(Principal::Key(name)))
            | (Self::Certificate(glob), Some(Principal::Certificate(name))) => glob.matches(name),
            (Self::Key(_) | Self::Certificate(_), _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_certificates_and_networks_are_named_each_by_its_own() {
        let key = |name: &str| Some(Principal::Key(name.to_owned()));
        let certificate = |name: &str| Some(Principal::Certificate(name.to_owned()));
        for (client, principal, address, wanted) in [
            ("key:prod-*", key("prod-7"), "192.0.2.1", true),
            ("key:prod-*", key("ci"), "192.0.2.1", false),
            ("key:prod-*", certificate("prod-7"), "192.0.2.1", false),
            ("key:prod-*", None, "192.0.2.1", false),
            ("key:*", key("ci"), "192.0.2.1", true),
            ("cert:node-?", certificate("node-1"), "192.0.2.1", true),
            ("cert:node-?", certificate("node-10"), "192.0.2.1", false),
            ("cert:node-?", key("node-1"), "192.0.2.1", false),
            ("10.0.0.0/8", None, "10.1.2.3", true),
            ("10.0.0.0/8", key("ci"), "::ffff:10.1.2.3", true),
            ("10.0.0.0/8", key("ci"), "11.0.0.1", false),
            ("::ffff:192.0.2.7", None, "192.0.2.7", true),
            ("2001:db8::/32", None, "2001:db8::1", true),
            ("2001:db8::/32", None, "10.0.0.1", false),
        ] {
            let named = Client::parse(client).unwrap();
            let asker = Asker {
                principal: principal.as_ref(),
                address: address.parse().unwrap(),
            };
            assert_eq!(named.names(&asker), wanted, "{client}: {asker:?}");
        }
    }

    #[test]
    fn what_names_nobody_is_none() {
        for text in [
            "",
            "key:",
            "cert:",
            "keys:ci",
            "ci",
            "*",
            "10.0.0.0/33",
            "10.0.0/8",
            "node.corp",
        ] {
            assert_eq!(Client::parse(text), None, "{text}");
        }
    }
}
