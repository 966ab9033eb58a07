//! What is asked of the gate: for which repository, by whom, with how much patience.

use crate::identity::Who;
use sluicegate_model::Repository;

use super::patience::Patience;

/// One request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The canonical repository.
    pub repository: Repository,
    /// Whether only headers are wanted.
    pub head: bool,
    /// Who asks, as the log names them.
    pub who: Who,
    /// Whether they are shown no reason where only headers were wanted, and are to be told at a GET.
    pub hides_reasons: bool,
    /// How long the answer may be withheld.
    pub patience: Patience,
}
