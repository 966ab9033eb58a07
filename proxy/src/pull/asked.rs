//! What is asked of the gate: for which repository, by whom, with how much patience.

use std::net::IpAddr;

use sluicegate_model::Repository;

use super::patience::Patience;

/// One request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The canonical repository.
    pub repository: Repository,
    /// Whether only headers are wanted.
    pub head: bool,
    /// Who asks.
    pub asker: Asker,
    /// How long the answer may be withheld.
    pub patience: Patience,
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Asker {
    /// The client's address.
    pub client: IpAddr,
    /// What the client says it is.
    pub user_agent: Option<String>,
    /// The access key or user, where there is one.
    pub principal: Option<String>,
    /// Whether it shows no reason where only headers were wanted, and is to be told at a GET.
    pub hides_reasons: bool,
}
