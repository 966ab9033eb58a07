//! What is said of an index, as the same predicate as of an image: that nothing of it that was judged was
//! refused, which images those were, and what nobody has judged.
//!
//! What was found in each image, and why it is allowed, stands in its own statements, which are named
//! by digest. What holds of the whole is the strictest or the oldest of what holds of one.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use sluicegate_model::coverage::CoverageStatus;
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, Repository};

use super::super::document::index_by_digest;
use super::summary::{Policy, Verifier, level_of, policy_of, verifier_of};
use super::{Digests, Feeds, STATEMENT, Statement, Subject, VERIFICATION_SUMMARY, digests};

/// An image of an index, as it was judged.
#[derive(Clone, Copy, Debug)]
pub struct IndexedImage<'a> {
    /// Its verdict, which does not refuse it.
    pub verdict: &'a Verdict,
    /// The signed statements on it.
    pub attestations: &'a [Digest],
}

/// The predicate.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
    verifier: Verifier<'a>,
    /// When the image was judged whose verdict is the oldest.
    time_verified: Timestamp,
    resource_uri: String,
    policy: Policy,
    input_attestations: Vec<Input>,
    verification_result: &'static str,
    verified_levels: [&'static str; 1],
    #[serde(rename = "urn:sluicegate:image")]
    image: String,
    #[serde(rename = "urn:sluicegate:decision")]
    decision: Decision,
    #[serde(rename = "urn:sluicegate:allowedBy")]
    allowed_by: BTreeSet<&'a str>,
    #[serde(rename = "urn:sluicegate:feeds")]
    feeds: Feeds<'a>,
    #[serde(rename = "urn:sluicegate:validUntil")]
    valid_until: Option<Timestamp>,
    #[serde(rename = "urn:sluicegate:audience")]
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    audience: &'a [String],
    #[serde(rename = "urn:sluicegate:coverage")]
    coverage: Coverage,
    #[serde(rename = "urn:sluicegate:images")]
    images: Vec<Image<'a>>,
    #[serde(rename = "urn:sluicegate:notJudged")]
    unjudged: Vec<Unjudged<'a>>,
}

/// What nobody has judged; the platform is what the index says, null where it says none.
#[derive(Serialize)]
struct Unjudged<'a> {
    digest: &'a Digest,
    platform: Option<&'a str>,
}

#[derive(Serialize)]
struct Input {
    digest: Digests,
}

#[derive(Serialize)]
struct Coverage {
    status: CoverageStatus,
}

/// One of the images.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Image<'a> {
    digest: &'a Digest,
    platform: &'a str,
    decision: Decision,
    time_verified: Timestamp,
    policy: Policy,
}

/// Writes what is said of an index, in one line; nothing of one without an image that was judged, or
/// with one that was refused.
pub fn index_statement(
    index: &Digest,
    images: &[IndexedImage<'_>],
    unjudged: &[(Digest, Option<String>)],
) -> serde_json::Result<Option<Vec<u8>>> {
    let decided_at = |it: &&IndexedImage<'_>| it.verdict.provenance.decided_at;
    let Some(oldest) = images.iter().min_by_key(decided_at) else {
        return Ok(None);
    };
    let decisions = images.iter().map(|it| it.verdict.decision);
    let decision = decisions.max().unwrap_or(Decision::Refuse);
    if decision == Decision::Refuse {
        return Ok(None);
    }
    let repository = &oldest.verdict.repository;
    let said = summary(index, (images, unjudged), oldest.verdict, decision);
    let statement = Statement {
        kind: STATEMENT,
        subject: [subject(repository, index)],
        predicate_type: VERIFICATION_SUMMARY,
        predicate: said,
    };
    super::super::json::compact(&statement).map(Some)
}

fn subject(repository: &Repository, index: &Digest) -> Subject {
    Subject {
        name: repository.to_string(),
        digest: digests(index),
    }
}

fn summary<'a>(
    index: &Digest,
    (images, unjudged): (&'a [IndexedImage<'a>], &'a [(Digest, Option<String>)]),
    oldest: &'a Verdict,
    decision: Decision,
) -> Summary<'a> {
    let verdicts = || images.iter().map(|it| it.verdict);
    let of_index = index_by_digest(&oldest.repository, index);
    // What is not known is older than all that is.
    let known_least = verdicts().min_by_key(|it| it.provenance.feed_time);
    let known_least = known_least.unwrap_or(oldest);
    let inputs = images.iter().flat_map(|it| it.attestations);
    let worst = verdicts().map(|it| it.coverage.status).max();
    let (verification_result, level) = level_of(decision);
    Summary {
        verifier: verifier_of(oldest),
        time_verified: oldest.provenance.decided_at,
        resource_uri: of_index.clone(),
        policy: policy_of(oldest),
        input_attestations: inputs.map(input).collect(),
        verification_result,
        verified_levels: [level],
        image: of_index,
        decision,
        allowed_by: verdicts()
            .flat_map(|it| it.allowed_by.iter().map(String::as_str))
            .collect(),
        feeds: Feeds {
            snapshot: &known_least.provenance.feeds,
            time: known_least.provenance.feed_time,
        },
        valid_until: verdicts().filter_map(|it| it.valid_until).min(),
        audience: oldest.audience.bindings(),
        coverage: Coverage {
            status: worst.unwrap_or(CoverageStatus::Unscannable),
        },
        images: verdicts().map(image).collect(),
        unjudged: unjudged.iter().map(not_judged).collect(),
    }
}

fn not_judged((digest, platform): &(Digest, Option<String>)) -> Unjudged<'_> {
    Unjudged {
        digest,
        platform: platform.as_deref(),
    }
}

fn input(attestation: &Digest) -> Input {
    Input {
        digest: digests(attestation),
    }
}

fn image(verdict: &Verdict) -> Image<'_> {
    Image {
        digest: &verdict.digest,
        platform: &verdict.platform,
        decision: verdict.decision,
        time_verified: verdict.provenance.decided_at,
        policy: policy_of(verdict),
    }
}
