//! What everybody who tells who asks promises.

use std::net::IpAddr;

use crate::identity::{Credentials, Identity, Presented, Unidentified, Who};
use sluicegate_model::secret::Secret;

/// A secret that nothing may print.
const SECRET: &str = "open-sesame";

/// Proves what is promised.
pub async fn prove(identity: &dyn Identity) {
    for presented in presentations() {
        let told = identity.who(presented.clone()).await;
        nobody_is_called_more_than_they_proved(&presented, &told);
        secrets_are_printed_nowhere(&presented, &told);
        let again = identity.who(presented).await;
        assert_eq!(told.ok(), again.ok(), "the same is told of the same");
    }
}

fn presentations() -> Vec<Presented> {
    let secret = || Secret::new(SECRET);
    let name = || "ci".to_owned();
    let basic = Credentials::Basic {
        name: name(),
        secret: secret(),
    };
    let all = [None, Some(basic), Some(Credentials::Bearer(secret()))];
    let addresses: [IpAddr; 2] = [
        [192, 0, 2, 1].into(),
        [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into(),
    ];
    let mut presented = Vec::new();
    for credentials in all {
        for (address, certificate) in addresses.into_iter().zip([None, Some("node-1".to_owned())]) {
            presented.push(Presented {
                address,
                user_agent: Some("suite/1".to_owned()),
                credentials: credentials.clone(),
                certificate,
                user: None,
            });
        }
    }
    presented.push(Presented::from_address(addresses[0]));
    presented
}

fn nobody_is_called_more_than_they_proved(presented: &Presented, told: &Result<Who, Unidentified>) {
    let has_nothing = presented.credentials.is_none() && presented.certificate.is_none();
    match told {
        Ok(who) => {
            assert_eq!(who.client, presented.address);
            assert_eq!(who.user_agent, presented.user_agent);
            assert!(!has_nothing || who.principal.is_none(), "{who:?}");
        }
        // What was sent may be for somebody else.
        Err(Unidentified::Missing) => assert!(presented.certificate.is_none()),
        Err(Unidentified::Wrong) => assert!(!has_nothing),
        Err(Unidentified::Unknown(_)) => {}
    }
}

fn secrets_are_printed_nowhere(presented: &Presented, told: &Result<Who, Unidentified>) {
    let mut printed = format!("{presented:?} {told:?}");
    if let Err(error) = told {
        printed.push_str(&error.to_string());
    }
    assert!(!printed.contains(SECRET), "{printed}");
}
