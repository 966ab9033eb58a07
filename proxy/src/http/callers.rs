//! Who sends requests: what they present, in the engine's words, and who that is.
//!
//! The only place of this program that asks for that; both listeners do.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{AUTHORIZATION, USER_AGENT};
use sluicegate_engine::identity::{Credentials, Identity, Presented, Unidentified, Who};
use sluicegate_model::secret::Secret;

use super::forwarded::TrustedProxies;
use super::server::PeerInfo;

/// Tells who sends requests.
#[derive(Clone, Debug)]
pub struct Callers {
    trusted_proxies: TrustedProxies,
    identity: Arc<dyn Identity>,
}

impl Callers {
    /// Joins who is believed on addresses, and who tells the rest.
    pub fn new(trusted_proxies: TrustedProxies, identity: Arc<dyn Identity>) -> Self {
        Self {
            trusted_proxies,
            identity,
        }
    }

    /// Tells who sent a request over a connection from there.
    pub async fn who(&self, peer: &PeerInfo, headers: &HeaderMap) -> Result<Who, Unidentified> {
        self.identity.who(self.presented(peer, headers)).await
    }

    /// Tells whether a client spoke TLS to a trusted proxy.
    pub fn speaks_tls(&self, peer: &PeerInfo, headers: &HeaderMap) -> bool {
        self.trusted_proxies.speaks_tls(peer.addr.ip(), headers)
    }

    /// Reads what came with a request that may tell who sent it.
    pub fn presented(&self, peer: &PeerInfo, headers: &HeaderMap) -> Presented {
        let user_agent = headers.get(USER_AGENT);
        let user_agent = user_agent.and_then(|agent| agent.to_str().ok());
        Presented {
            address: self.trusted_proxies.client(peer.addr.ip(), headers),
            user_agent: user_agent.map(ToOwned::to_owned),
            credentials: credentials(headers),
            certificate: peer.certificate.as_deref().map(ToOwned::to_owned),
            user: peer.user,
        }
    }
}

/// Reads credentials; of two, or of what cannot be read, none is meant.
fn credentials(headers: &HeaderMap) -> Option<Credentials> {
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let text = sent.next()?.to_str().ok()?;
    if sent.next().is_some() {
        return None;
    }
    let (scheme, said) = text.split_once(' ')?;
    let said = said.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Credentials::Bearer(Secret::new(said)));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(said).ok()?).ok()?;
    let (name, secret) = pair.split_once(':')?;
    let (name, secret) = (name.to_owned(), Secret::new(secret));
    Some(Credentials::Basic { name, secret })
}

#[cfg(test)]
mod tests {
    use sluicegate_engine::testkit::MemoryIdentity;

    use super::*;

    #[tokio::test]
    async fn what_headers_say_is_presented_once_and_in_the_engine_s_words() {
        let keys = MemoryIdentity::default().with_key("ci", "ri:ght");
        let callers = Callers::new(TrustedProxies::default(), Arc::new(keys));
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        for (sent, wanted) in [
            (vec![basic("ci:ri:ght")], Ok(Some("ci"))),
            (
                vec![basic("ci:ri:ght").replace("Basic", "bAsIc")],
                Ok(Some("ci")),
            ),
            (vec!["Bearer ci.ri:ght".to_owned()], Ok(Some("ci"))),
            (vec![basic("ci:wrong")], Err(())),
            // What is no credentials at all is nobody's.
            (vec!["Basic !".to_owned()], Ok(None)),
            (vec!["Digest x".to_owned()], Ok(None)),
            (vec![basic("ci:ri:ght"), basic("ci:ri:ght")], Ok(None)),
            (vec![], Ok(None)),
        ] {
            let mut headers = HeaderMap::new();
            for value in &sent {
                headers.append(AUTHORIZATION, value.parse().unwrap());
            }
            let who = callers
                .who(&PeerInfo::from_addr(([192, 0, 2, 1], 1).into()), &headers)
                .await;
            let name = who.map(|who| who.principal.map(|name| name.to_string()));
            let wanted = wanted.map(|name| name.map(str::to_owned));
            assert_eq!(name.map_err(|_| ()), wanted, "{sent:?}");
        }
    }
}
