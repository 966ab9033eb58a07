//! Docker's protocol of credential helpers: `docker-credential-NAME get`, a registry's address to
//! its input, a user name and a secret from its output.
//!
//! Source: github.com/docker/docker-credential-helpers, README, "Development".

use std::time::Duration;

use serde::Deserialize;
use sluicegate_config::{Credentials, Secret};

use super::error::LoginError;
use super::program::Program;
use super::told::Told;

/// What begins the names of these programs.
const PREFIX: &str = "docker-credential-";
/// What one says, and fails, that knows nobody at a registry.
const NOT_FOUND: &[u8] = b"credentials not found in native keychain";
/// The user name that says that the secret is an identity token.
const IDENTITY_TOKEN: &str = "<token>";
/// How long an answer is used: the protocol has no word for it, and the tokens of clouds are
/// given out by helpers that keep them until they end.
const USED_FOR: Duration = Duration::from_mins(5);
/// How long the last answer may stand in for one that does not come: less than any cloud's token
/// has left when its helper still gives it out.
const LIVES: Duration = Duration::from_mins(15);

/// Gives the program of a helper.
pub(super) fn program(name: &str) -> Program {
    Program {
        command: format!("{PREFIX}{name}"),
        args: vec!["get".to_owned()],
        env: Vec::new(),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// Asks who we are at the registry with this address.
pub(super) async fn ask(program: &Program, registry: &str) -> Result<Told, LoginError> {
    let said = program.ask(registry.as_bytes()).await?;
    if !said.status.success() {
        if said.text.trim_ascii() == NOT_FOUND {
            return Ok(Told::of_all(None, USED_FOR, LIVES));
        }
        return Err(program.failed(said.status));
    }
    // The parser's own message could quote the secret.
    let answer: Answer = serde_json::from_slice(&said.text)
        .map_err(|_| program.unusable("it is no JSON with Username and Secret"))?;
    if answer.username == IDENTITY_TOKEN {
        return Err(
            program.unusable("it is an identity token, which only Docker Hub's own clients use")
        );
    }
    if answer.username.is_empty() || answer.secret.is_empty() {
        return Err(program.unusable("Username or Secret is empty"));
    }
    let credentials = Credentials {
        username: answer.username,
        password: Secret::new(answer.secret),
    };
    Ok(Told::of_all(Some(credentials), USED_FOR, LIVES))
}
