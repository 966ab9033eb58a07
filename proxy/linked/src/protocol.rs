//! What a scanner and its service say to each other, as documents.
//!
//! A scanner presents its linking key once, and its credential from then on. What it is told may have
//! more members than it knows; facts that need what it does not have are refused by their revisions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_model::Digest;
use sluicegate_model::verdict::Decision;

use crate::leases::{Given, Lease};
use crate::task::{Assigned, PluginNamed, Task, named};

/// A scanner that wants to be enrolled; its linking key stands in the header.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Enrol {
    /// The credential that it will present from now on, made by itself: SGN and 20 letters and
    /// digits, a dot, and 43 characters.
    pub credential: String,
    /// The version of its program.
    pub version: String,
}

/// That a scanner is enrolled.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Enrolled {
    /// What it is called.
    pub name: String,
    /// Patterns of the repositories that it may speak of; without any, all.
    pub repositories: Vec<String>,
}

/// A scanner that wants work.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskForWork {
    /// The version of its program.
    pub version: String,
    /// The name of all that makes facts what they are. Where it is another than the service's, there
    /// is no work.
    pub revisions: String,
    /// How much it can begin now.
    pub places: u32,
    /// Whether it can be sent plugins. Where the service has any, a scanner that cannot gets no work.
    #[serde(default)]
    pub plugins: bool,
}

/// Work for a scanner; none where none came in time.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Work {
    /// What is to be done, each under a lease of its own.
    pub given: Vec<GivenWork>,
    /// After how many seconds a lease runs out that is not renewed.
    pub lease_seconds: u64,
    /// The plugins that read images now, for what the scanner looks at by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<PluginNamed>,
}

/// One piece of work, under its lease.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct GivenWork {
    /// The lease.
    pub lease: Lease,
    /// What is to be done.
    pub task: Task,
    /// The plugins that it is done by, beside those that come with the program, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<PluginNamed>,
}

/// A scanner that wants a plugin.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskForPlugin {
    /// The digest of its file.
    pub digest: Digest,
}

/// A plugin.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct PluginSent {
    /// The digest of its file.
    pub digest: Digest,
    /// The file, in base64.
    pub module: String,
}

/// Leases that are to hold for longer.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Renew {
    /// Those that the scanner believes to hold, 64 at most.
    pub leases: Vec<Lease>,
}

/// Leases that still hold; of the others nothing is taken any more.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Held {
    /// Those.
    pub leases: Vec<Lease>,
}

/// That work cannot be done.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Failed {
    /// The lease.
    pub lease: Lease,
    /// Why, in one line.
    pub why: String,
}

/// That an answer was taken.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Taken {
    /// The lease, which has ended by it.
    pub lease: Lease,
}

/// That what an image holds was taken, and what was decided on it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct TakenImage {
    /// The manifest.
    pub digest: Digest,
    /// What policy decided.
    pub decision: Decision,
}

impl From<Given<Assigned>> for GivenWork {
    fn from(given: Given<Assigned>) -> Self {
        let Assigned { task, plugins } = given.task;
        Self {
            lease: given.lease,
            task,
            plugins: named(&plugins),
        }
    }
}
