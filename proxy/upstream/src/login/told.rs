//! What a program told: who we are, and for how long that holds.

use std::time::Duration;

use sluicegate_config::Credentials;

/// Part of an answer's life that is left when it is asked for anew.
const MARGIN_PART: u32 = 10;
/// Most time before an answer's end at which it is asked for anew.
const MAX_MARGIN: Duration = Duration::from_mins(5);

/// An answer.
#[derive(Clone)]
pub(super) struct Told {
    /// Who we are; nobody where the program knows nobody there.
    pub(super) credentials: Option<Credentials>,
    /// Whether it holds for the asked repository only.
    pub(super) is_of_one: bool,
    /// How long it is used without asking again.
    pub(super) used_for: Duration,
    /// How long it may be used where no other answer comes.
    pub(super) lives: Duration,
}

impl Told {
    /// Says what holds for a whole registry.
    pub(super) fn of_all(
        credentials: Option<Credentials>,
        used_for: Duration,
        lives: Duration,
    ) -> Self {
        Self {
            credentials,
            is_of_one: false,
            used_for,
            lives,
        }
    }

    /// Says what holds for so long, and is asked for anew a little before.
    pub(super) fn for_a_time(credentials: Option<Credentials>, lives: Duration) -> Self {
        let margin = (lives / MARGIN_PART).min(MAX_MARGIN);
        Self::of_all(credentials, lives.saturating_sub(margin), lives)
    }
}
