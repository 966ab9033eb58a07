//! Who asks.

use std::net::IpAddr;

use sluicegate_model::Principal;
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
