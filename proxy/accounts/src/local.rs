//! Who asks at the socket that nobody but this machine's administrator reaches: they may everything,
//! so that the first key needs no key.

use async_trait::async_trait;
use sluicegate_engine::identity::{Identity, Presented, Unidentified, Who};
use sluicegate_model::Principal;
use sluicegate_model::access::{Reach, Rights, Role};

/// Knows users of this machine. Which of them reach the socket at all is the listener's business.
#[derive(Clone, Copy, Debug)]
pub struct LocalIdentity;

#[async_trait]
impl Identity for LocalIdentity {
    async fn who(&self, presented: Presented) -> Result<Who, Unidentified> {
        let user = presented.user.ok_or(Unidentified::Missing)?;
        let rights = Rights::of(Role::Admin, Reach::EVERYTHING);
        Ok(presented.by(Some(Principal::Local(user)), rights))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_user_of_this_machine_is_anybody_here() {
        let from_elsewhere = Presented::from_address([127, 0, 0, 1].into());
        let user = Some(1_000);
        let here = Presented {
            user,
            ..from_elsewhere.clone()
        };
        let who = LocalIdentity.who(here).await.unwrap();
        assert_eq!(who.principal, Some(Principal::Local(1_000)));
        let refused = LocalIdentity.who(from_elsewhere).await;
        assert!(matches!(refused, Err(Unidentified::Missing)));
    }
}
