//! Access keys as administrators make them: by the command, on the service's machine, without any key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::process::Outcome;
use crate::proxy::{Proxy, sluicegate};
use crate::wire::Call;

/// Somebody with a key.
#[derive(Clone, Debug)]
pub struct Holder {
    /// What the key is called.
    pub name: String,
    /// Its public half.
    pub access: String,
    /// Its secret half.
    pub secret: String,
}

impl Holder {
    /// Gives both halves as clients are told them, `USER:PASSWORD`.
    pub fn pair(&self) -> String {
        format!("{}:{}", self.access, self.secret)
    }

    /// Presents both halves.
    pub fn basic(&self) -> String {
        format!("Basic {}", STANDARD.encode(self.pair()))
    }

    /// Presents both halves as the API takes them as well.
    pub fn bearer(&self) -> String {
        format!("Bearer {}.{}", self.access, self.secret)
    }

    /// Adds the key to a request.
    pub fn on(&self, call: Call) -> Call {
        call.header("authorization", &self.basic())
    }
}

/// The keys of a service.
pub struct Keys<'a>(pub &'a Proxy);

impl Keys<'_> {
    /// Runs a command about keys where the service runs.
    pub async fn run(&self, arguments: &[&str]) -> Outcome {
        let data = self.0.data().display().to_string();
        let mut all = vec!["keys"];
        all.extend(arguments);
        all.extend(["--data", &data]);
        sluicegate(&all).await
    }

    /// Makes a key.
    pub async fn make(&self, name: &str, role: &str, more: &[&str]) -> Holder {
        let mut arguments = vec!["create", "--name", name, "--role", role, "--format", "json"];
        arguments.extend(more);
        Self::issued(&self.run(&arguments).await.expect_ok("make a key"))
    }

    /// Reads a key that was made.
    pub fn issued(outcome: &Outcome) -> Holder {
        let issued: Value = serde_json::from_str(&outcome.stdout).expect("a key as JSON");
        let field = |name: &str| issued[name].as_str().expect(name).to_owned();
        Holder {
            name: field("name"),
            access: field("access_key"),
            secret: field("secret_key"),
        }
    }
}
