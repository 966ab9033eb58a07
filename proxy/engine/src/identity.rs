//! Who asks.

use std::net::IpAddr;

/// Who asks: what answers are given to, and lines are written of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Who {
    /// The client's address.
    pub client: IpAddr,
    /// The access key or user, where there is one.
    pub principal: Option<String>,
    /// What the client says it is.
    pub user_agent: Option<String>,
}
