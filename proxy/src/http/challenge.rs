//! What clients are told that have to say who they are: where tokens are, by a name that is
//! configured. What they call us (`Host`) is never sent back: it may be anybody's.
//!
//! Source: RFC 6750, section 3; distribution's token specification.

use std::net::SocketAddr;

use sluicegate_model::Repository;

use super::token;

/// What a registry is called by those who look for its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Front {
    /// Its name, with the port where that is no default; none where no name is known.
    name: Option<String>,
    /// Whether its listener speaks TLS itself.
    pub is_tls: bool,
}

/// What one client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    realm: Option<String>,
    service: String,
}

impl Front {
    /// Takes the first name that is configured, else the address where that leads somewhere.
    pub fn new(names: &[String], address: SocketAddr, is_tls: bool) -> Self {
        let of_address = || (!address.ip().is_unspecified()).then(|| address.to_string());
        Self {
            name: names.first().cloned().or_else(of_address),
            is_tls,
        }
    }

    /// Gives what a client is told that came by TLS, or not.
    pub fn challenge(&self, is_tls: bool) -> Challenge {
        let scheme = if is_tls { "https" } else { "http" };
        let realm = |name: &String| format!("{scheme}://{name}{}", token::PATH);
        Challenge {
            realm: self.name.as_ref().map(realm),
            service: self.name.clone().unwrap_or_else(|| "sluicegate".to_owned()),
        }
    }
}

impl Challenge {
    /// Words it for a request for something of a repository, or for none.
    pub fn on(&self, repository: Option<&Repository>) -> String {
        let service = &self.service;
        let Some(realm) = &self.realm else {
            // Nobody knows where a client would find a token, but a key can be sent as it is.
            return self.basic();
        };
        let text = format!("Bearer realm=\"{realm}\",service=\"{service}\"");
        match repository {
            Some(repository) => format!("{text},scope=\"repository:{repository}:pull\""),
            None => text,
        }
    }

    /// Asks for a key as it is.
    pub fn basic(&self) -> String {
        format!("Basic realm=\"{}\"", self.service)
    }

    /// Words it for a request whose token is for something else.
    pub fn for_another(&self, repository: &Repository) -> String {
        let text = self.on(Some(repository));
        match self.realm {
            Some(_) => format!("{text},error=\"insufficient_scope\""),
            None => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_sent_to_the_configured_name_and_to_no_other() {
        let everywhere: SocketAddr = "0.0.0.0:5000".parse().unwrap();
        let here: SocketAddr = "127.0.0.1:5000".parse().unwrap();
        let repository: Repository = "docker.io/library/nginx".parse().unwrap();
        let named = ["gate.corp:5000".to_owned(), "other".to_owned()];
        let told = |front: Front, tls| front.challenge(tls).on(Some(&repository));
        assert_eq!(
            told(Front::new(&named, everywhere, true), true),
            "Bearer realm=\"https://gate.corp:5000/token\",service=\"gate.corp:5000\",\
             scope=\"repository:docker.io/library/nginx:pull\""
        );
        assert!(told(Front::new(&[], here, false), false).contains("http://127.0.0.1:5000/token"));
        assert_eq!(
            Front::new(&[], everywhere, false).challenge(false).on(None),
            "Basic realm=\"sluicegate\""
        );
        let another = Front::new(&named, here, false).challenge(false);
        assert!(
            another
                .for_another(&repository)
                .ends_with(",error=\"insufficient_scope\"")
        );
    }
}
