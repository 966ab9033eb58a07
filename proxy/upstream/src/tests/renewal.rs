//! Credentials that live for hours: no request fails while they rotate, by whichever way they are
//! known, and with a token service or without.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sluicegate_config::{CredentialProvider, Credentials, Login, Secret};

use super::{SHELL, pass};
use crate::fake::{Answer, Fake, Seen, answer, wants_token};
use crate::{Upstream, UpstreamError};

/// Between two steps of the moved clock.
const STEP: Duration = Duration::from_mins(10);
/// Steps of 48 hours.
const STEPS: u64 = 48 * 6;
/// Steps after which there is a new password; the one before is taken for one step more.
const ROTATES_EVERY: u64 = 3;

/// A registry that takes the passwords it issued last.
#[derive(Clone, Default)]
struct Rotating {
    /// What `Authorization` may be, oldest first.
    taken: Arc<Mutex<VecDeque<String>>>,
    /// What tokens may be.
    tokens: Arc<Mutex<VecDeque<String>>>,
}

impl Rotating {
    fn rotate(&self, number: u64, file: &Path) {
        let pair = STANDARD.encode(format!("robot:secret-{number}"));
        self.taken
            .lock()
            .unwrap()
            .push_back(format!("Basic {pair}"));
        self.tokens
            .lock()
            .unwrap()
            .push_back(format!("Bearer t-{number}"));
        fs::write(file, format!("secret-{number}")).unwrap();
    }

    fn forget_older(&self) {
        for list in [&self.taken, &self.tokens] {
            let mut list = list.lock().unwrap();
            while list.len() > 1 {
                list.pop_front();
            }
        }
    }

    fn takes(&self, seen: &Seen) -> bool {
        let taken = self.taken.lock().unwrap();
        seen.authorization()
            .is_some_and(|told| taken.contains(&told.to_owned()))
    }

    fn answer(&self, seen: &Seen, way: Way) -> Answer {
        let host = seen.headers.get("host").unwrap().to_str().unwrap();
        let refused = |status| answer(status, &[], r#"{"errors":[{"code":"DENIED"}]}"#);
        if seen.target.starts_with("/token") {
            if !self.takes(seen) {
                return refused(401);
            }
            let newest = self.tokens.lock().unwrap().back().cloned().unwrap();
            let token = newest.strip_prefix("Bearer ").unwrap();
            return answer(
                200,
                &[],
                format!(r#"{{"token":"{token}","expires_in":3600}}"#),
            );
        }
        let tokens = self.tokens.lock().unwrap();
        let token = seen
            .authorization()
            .is_some_and(|told| tokens.contains(&told.to_owned()));
        match way {
            Way::Basic | Way::Denying if self.takes(seen) => answer(200, &[], "{}"),
            Way::Tokens if token => answer(200, &[], "{}"),
            Way::Tokens => wants_token(&format!("http://{host}/token")),
            // A cloud's registry says so of a token that has ended.
            Way::Denying if seen.authorization().is_some() => refused(403),
            Way::Basic | Way::Denying => {
                answer(401, &[("www-authenticate", "Basic realm=\"r\"")], "")
            }
        }
    }
}

/// How the registry wants to be authenticated to, and refuses.
#[derive(Clone, Copy, Debug)]
enum Way {
    Basic,
    Denying,
    Tokens,
}

fn provider(home: &Path) -> Login {
    let program = home.join("provider");
    let text = format!(
        "#!/bin/sh\ncat >/dev/null\nprintf '{{\"apiVersion\":\"credentialprovider.kubelet.k8s.io/v1\",\
         \"kind\":\"CredentialProviderResponse\",\"cacheKeyType\":\"Registry\",\
         \"cacheDuration\":\"4h0m0s\",\"auth\":{{\"127.0.0.1:*\":{{}},\"*.*.*.*:'\"$PORT\"'\":\
         {{\"username\":\"robot\",\"password\":\"%s\"}}}}}}' \"$(cat {})\"\n",
        home.join("secret").display()
    );
    fs::write(&program, text).unwrap();
    Login::Provider(CredentialProvider {
        command: SHELL.to_owned(),
        args: vec![program.display().to_string()],
        env: Vec::new(),
    })
}

fn client(fake: &Fake, mut login: Login) -> Upstream {
    if let Login::Provider(provider) = &mut login {
        let port = fake.address.port().to_string();
        provider.env.push(("PORT".to_owned(), port));
    }
    let mut options = fake.options();
    options.login = Some(login);
    options.allow_insecure_credentials = true;
    Upstream::new(options, None).unwrap()
}

#[tokio::test]
async fn no_pull_fails_while_passwords_rotate_for_two_days() {
    for way in [Way::Basic, Way::Denying, Way::Tokens] {
        for by_program in [true, false] {
            let home = tempfile::tempdir().unwrap();
            let file = home.path().join("secret");
            let registry = Rotating::default();
            registry.rotate(0, &file);
            let asked = registry.clone();
            let fake = Fake::start(move |seen: Seen| {
                let answer = asked.answer(&seen, way);
                async move { answer }
            })
            .await;
            let said = Credentials {
                username: "robot".to_owned(),
                password: Secret::new("secret-0"),
            };
            let upstream = if by_program {
                client(&fake, provider(home.path()))
            } else {
                client(&fake, Login::InFile(said, file.clone()))
            };
            for step in 1..=STEPS {
                if step % ROTATES_EVERY == 0 {
                    registry.rotate(step, &file);
                }
                pass(STEP).await;
                if step % ROTATES_EVERY == 1 {
                    registry.forget_older();
                }
                let pulled = upstream.manifest("a/b", &"1".parse().unwrap()).await;
                assert!(
                    pulled.is_ok(),
                    "{way:?}, by program {by_program}, step {step}: {pulled:?}"
                );
            }
            let requests = fake.seen().len() as u64;
            assert!(
                requests <= 2 * STEPS,
                "{way:?}: {requests} requests for {STEPS} pulls"
            );
        }
    }
}

#[tokio::test]
async fn a_refusal_for_good_is_told_as_the_upstream_says_it() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("secret");
    fs::write(&file, "secret-1").unwrap();
    let fake = Fake::start(|seen: Seen| async move {
        match seen.authorization() {
            None => answer(401, &[("www-authenticate", "Basic realm=\"r\"")], ""),
            Some(_) => answer(403, &[], ""),
        }
    })
    .await;
    let upstream = client(&fake, provider(home.path()));
    for _ in 0..3 {
        pass(STEP).await;
        let outcome = upstream.manifest("a", &"1".parse().unwrap()).await;
        assert!(
            matches!(outcome, Err(UpstreamError::Denied { .. })),
            "{outcome:?}"
        );
    }
    fs::remove_file(home.path().join("provider")).unwrap();
    pass(STEP * 30).await;
    let outcome = upstream.manifest("a", &"1".parse().unwrap()).await;
    let Err(error @ UpstreamError::Login { .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(!error.is_an_answer());
    let words = error.to_string();
    assert!(words.contains("of up.test"), "{words}");
    assert!(words.contains("ended with exit status"), "{words}");
}
