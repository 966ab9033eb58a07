//! Who asks: the port that tells, from what was presented.
//!
//! It is asked once for each request, and nothing but its adapters makes a [`Who`].

use std::error::Error;
use std::fmt;
use std::net::IpAddr;

use async_trait::async_trait;
use sluicegate_model::Principal;
use sluicegate_model::access::Rights;
use sluicegate_model::secret::Secret;
use sluicegate_policy::Asker;

/// Who asks: what answers are given to, and lines are written of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Who {
    /// The client's address.
    pub client: IpAddr,
    /// Who that is proven to be, where anything is.
    pub principal: Option<Principal>,
    /// What the client says it is.
    pub user_agent: Option<String>,
    /// What they may do, and where.
    pub rights: Rights,
}

impl Who {
    /// Gives what policies tell askers apart by.
    pub fn asker(&self) -> Asker<'_> {
        Asker {
            principal: self.principal.as_ref(),
            address: self.client,
        }
    }
}

/// Names whoever asks, in words for people.
impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.principal {
            Some(Principal::Key(name)) => write!(f, "key \"{name}\""),
            Some(principal) => write!(f, "{principal}"),
            None => f.write_str("whoever has no key"),
        }
    }
}

/// What came with a request that may tell who sent it.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The client's address: of the connection, or what trusted proxies say.
    pub address: IpAddr,
    /// What the client says it is.
    pub user_agent: Option<String>,
    /// What it says it knows.
    pub credentials: Option<Credentials>,
    /// The common name of the certificate whose key it has proven to hold.
    pub certificate: Option<String>,
    /// Which user of this machine they are, at a socket that nobody else reaches.
    pub user: Option<u32>,
}

impl Presented {
    /// Gives an address with nothing else.
    pub fn from_address(address: IpAddr) -> Self {
        Self {
            address,
            user_agent: None,
            credentials: None,
            certificate: None,
            user: None,
        }
    }

    /// Calls whoever presented this by the name that was proven, and grants them this.
    pub fn by(self, principal: Option<Principal>, rights: Rights) -> Who {
        Who {
            client: self.address,
            principal,
            user_agent: self.user_agent,
            rights,
        }
    }
}

/// What somebody says they know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A name and its secret.
    Basic {
        /// The name.
        name: String,
        /// The secret.
        secret: Secret,
    },
    /// A text that is all in one.
    Bearer(Secret),
}

/// Says why nobody is answered: it is not known who asks.
#[derive(Debug, thiserror::Error)]
pub enum Unidentified {
    /// Something has to be presented, and nothing was.
    #[error("credentials are needed")]
    Missing,
    /// What was presented is not right. Which part of it is not is nobody's business.
    #[error("the credentials are not right")]
    Wrong,
    /// It cannot be told now whether it is right. What failed is the source.
    #[error("it cannot be told now whether the credentials are right")]
    Unknown(#[source] Box<dyn Error + Send + Sync>),
}

/// Who asks.
#[async_trait]
pub trait Identity: Send + Sync + fmt::Debug {
    /// Tells who presented this.
    async fn who(&self, presented: Presented) -> Result<Who, Unidentified>;
}
