//! What a verdict says as a signed statement, and the key that verifies it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_engine::attest::ENVELOPE;
use sluicegate_engine::identity::Who;
use sluicegate_formats::attestation::Predicate;
use sluicegate_model::Digest;

use super::answers::{Pem, SignedStatement};
use super::asked::{Nothing, Path, Query};
use super::parameters::{RepositoryName, repository};
use super::problem::Problem;
use super::verdicts::{AskedVerdict, newest};
use super::{ApiState, body};

/// How much more memory than the verdict itself its signed statements take, text included.
const STATEMENT_ROOM: u64 = 4;

/// Which image, and what is to be said of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AttestationQuery {
    /// The verdict for this repository, as it is pulled or by its canonical name; without it, the
    /// newest one.
    repository: Option<RepositoryName>,
    /// The verdict on what this reporter or scanner says, such as `key:ci`; without it, one on what was
    /// looked at here comes first.
    reported_by: Option<String>,
    /// The type of the predicate: how the image was judged, or what was found in it.
    #[serde(default)]
    predicate: PredicateType,
}

/// The predicates that are signed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
enum PredicateType {
    #[default]
    #[serde(rename = "https://slsa.dev/verification_summary/v1")]
    VerificationSummary,
    #[serde(rename = "https://in-toto.io/attestation/vulns/v0.2")]
    Vulnerabilities,
}

/// Gives what a verdict says as an in-toto statement in a DSSE envelope: the same bytes for as long as
/// the verdict stands.
pub(super) async fn attestation(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    Path(digest): Path<Digest>,
    Query(query): Query<AttestationQuery>,
) -> Result<SignedStatement, Problem> {
    let predicate = match query.predicate {
        PredicateType::VerificationSummary => Predicate::VerificationSummary,
        PredicateType::Vulnerabilities => Predicate::Vulnerabilities,
    };
    let asked = AskedVerdict {
        digest: &digest,
        reach: who.rights.reach(),
        repository: repository(query.repository.as_ref(), &state)?,
        reported_by: query.reported_by,
    };
    let viewed = newest(&state, &asked, STATEMENT_ROOM).await?;
    let signed = state.attester.signed(viewed.verdict).await;
    let signed = signed.map_err(Problem::internal)?;
    let mut envelopes = signed.envelopes.into_iter();
    let envelope = envelopes.find(|it| it.predicate == predicate.uri());
    let envelope = envelope.ok_or_else(|| Problem::internal("no such statement was signed"))?;
    let text = envelope.text.into_bytes();
    Ok(SignedStatement(body::sent(text, ENVELOPE, viewed.share)))
}

/// Gives the public key by which attestations of this instance are verified, as PEM.
pub(super) async fn key(State(state): State<Arc<ApiState>>, _: Query<Nothing>) -> Pem {
    let media_type = [(header::CONTENT_TYPE, Pem::MEDIA_TYPE)];
    Pem((media_type, state.attester.public_key()).into_response())
}
