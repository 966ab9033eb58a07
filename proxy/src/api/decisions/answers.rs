//! A line of the log and the texts of policies, as programs are told of them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_formats::answers::ReasonAnswer;
use sluicegate_local::decisions::{DecisionLine, KeptPolicies, LineKind};
use sluicegate_model::Digest;
use sluicegate_model::form::Each;
use sluicegate_model::forms;
use sluicegate_model::schema::Instant;
use sluicegate_model::verdict::{Decision, Reason};
use sluicegate_policy::PolicyDocument;

/// A line of the log. Those of an earlier shape are read as if they had this one.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "DecisionLine", deny_unknown_fields)]
pub(super) struct DecisionLineAnswer {
    /// The line's number, from 1, without holes.
    seq: u64,
    /// When it was answered.
    #[schemars(with = "Instant")]
    time: Timestamp,
    /// What happened.
    #[serde(rename = "type")]
    kind: LineKind,
    /// The client's address.
    client: Option<String>,
    /// What the client says it is.
    user_agent: Option<String>,
    /// The access key or user, where there is one.
    principal: Option<String>,
    /// The canonical repository; of what was denied, the registry and path as asked for.
    repository: Option<String>,
    /// The tag asked for, where it was one.
    tag: Option<String>,
    /// The digest that the name resolved to.
    asked: Option<Digest>,
    /// The digest that was given; none where nothing was.
    served: Option<Digest>,
    /// The platform that was decided on.
    platform: Option<String>,
    /// What came out.
    decision: Option<Decision>,
    /// The rules that spoke, the one that decided first.
    #[serde(with = "Each::<ReasonAnswer>")]
    reasons: Vec<Reason>,
    /// The names of the policies that decided.
    policy: Option<String>,
    /// The digest of their documents, which are kept as long as the log.
    policies: Option<Digest>,
    /// The feed snapshot.
    feeds: Option<String>,
    /// The name of all that read and judged the image.
    fingerprint: Option<String>,
    /// The exceptions, by name, and the VEX documents, as `vex:` and their file, without which a
    /// stricter decision would have come out.
    allowed_by: Vec<String>,
    /// How many pulls the line stands for.
    count: u64,
    /// The hash of the line before; of no bytes at all for the first line.
    prev: Digest,
    /// The hash of this line up to here; none only while the line is being written.
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<Digest>,
}

/// A document of a policy set.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "PolicyDocument")]
pub(super) struct PolicyDocumentAnswer {
    /// `policy`, `binding`, `exception`, `delegation`, `vex` or `key`.
    kind: String,
    /// Its name; entries of a `.trivyignore.yaml` may share one. Of a VEX document and of
    /// a key it is the path by which a policy names its file.
    name: String,
    /// The file it was read from.
    file: String,
    /// Its part of the file, comments included.
    text: String,
    /// What it says, however it is laid out: what digests are made of. Of a VEX document it is the
    /// digest of its text.
    canonical: String,
}

/// What is kept under a digest.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "KeptPolicies")]
pub(super) struct KeptPoliciesAnswer {
    /// The digest, as lines and verdicts cite it.
    digest: Digest,
    /// The documents that decided.
    #[serde(with = "Each::<PolicyDocumentAnswer>")]
    documents: Vec<PolicyDocument>,
}

forms! {
    DecisionLineAnswer => DecisionLine,
    PolicyDocumentAnswer => PolicyDocument,
    KeptPoliciesAnswer => KeptPolicies,
}
