//! What others say images hold: taken from pipelines, judged, and taken back.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_engine::audit::{About, KeyLine};
use sluicegate_engine::identity::Who;
use sluicegate_engine::memory::Share;
use sluicegate_engine::pull::error::PullError;
use sluicegate_engine::reports::{MAX_REPORT_BYTES, READING_IN_MEMORY, Report, ReportError};
use sluicegate_model::verdict::Decision;

use super::ApiState;
use super::answers::Written;
use super::asked::{Body, Nothing, Query};
use super::json::Json;
use super::parameters::{RepositoryName, repository};
use super::problem::Problem;
use super::remedy::found_in;
use super::upload::{JsonUpload, Upload};
use super::verdicts::{AskedVerdict, Shown, shown};

/// What lines of the log call it when reports are taken back.
const WITHDRAWN: &str = "reports-withdrawn";

/// Takes a report, and gives the verdict on what it says.
pub(super) async fn take(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    _: Query<Nothing>,
    JsonUpload(sent): JsonUpload,
) -> Result<Written<Shown>, Problem> {
    let (report, share) = read(&state, sent).await?;
    let repository = RepositoryName::of(&report.repository).canonical(&state)?;
    let reach = who.rights.reach();
    if !reach.has(&repository) {
        let detail = format!("{repository} is no repository that this key may report images of");
        return Err(Problem::not_found(detail));
    }
    let digest = report.digest.clone();
    let taken = state.reports.take(report, &repository, &who).await;
    let verdict = taken.map_err(not_taken)?;
    drop(share);
    let asked = AskedVerdict {
        digest: &digest,
        reach,
        repository: Some(repository),
        reported_by: verdict.domain.shown(),
    };
    let remedy = match verdict.decision {
        Decision::Refuse => Some(found_in(&state, &who, &verdict.scope(), &digest).await?),
        Decision::Allow | Decision::Annotate => None,
    };
    shown(&state, &asked, remedy).await
}

/// Reads a report once there is memory for it, which is held with it.
pub(super) async fn read(state: &ApiState, sent: Upload) -> Result<(Report, Share), Problem> {
    let room = sent
        .bytes(MAX_REPORT_BYTES)
        .saturating_mul(READING_IN_MEMORY);
    let share = state.judge.view(room).await;
    let text = sent.read(MAX_REPORT_BYTES).await?;
    let read = tokio::task::spawn_blocking(move || Report::read(&text)).await;
    let report = read.map_err(Problem::internal)?.map_err(not_taken)?;
    Ok((report, share))
}

/// Says why a report is not taken.
pub(super) fn not_taken(error: ReportError) -> Problem {
    match error {
        ReportError::Judging(PullError::Full(why)) => Problem::unavailable(why),
        ReportError::Judging(error) => Problem::internal(error),
        ReportError::Newer(_)
        | ReportError::Malformed(_)
        | ReportError::TextTooLong
        | ReportError::TooManyTags(_) => Problem::bad_request(error.to_string()),
    }
}

/// Whose reports are taken back.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WithdrawnReports")]
pub struct Withdrawn {
    /// Who said it, as verdicts name it, such as `key:ci`.
    #[schemars(length(min = 1))]
    reported_by: String,
    /// Only of this repository, as it is pulled or by its canonical name.
    repository: Option<RepositoryName>,
}

/// What was taken back.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Withdrawal {
    /// How many verdicts there were on it.
    verdicts: u64,
}

/// Forgets what somebody said, with all verdicts on it.
pub async fn withdraw(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    _: Query<Nothing>,
    Body(asked): Body<Withdrawn>,
) -> Result<Json<Withdrawal>, Problem> {
    let repository = repository(asked.repository.as_ref(), &state)?;
    let reporter = &asked.reported_by;
    if !reporter.contains(':') && reporter != "anybody" {
        let detail = format!("{reporter:?} reports nothing: verdicts name reporters as key:NAME");
        return Err(Problem::bad_request(detail));
    }
    let withdrawn = state.reports.withdraw(reporter, repository.as_ref()).await;
    let verdicts = withdrawn.map_err(super::verdicts::unlisted)?;
    let place = repository.map_or_else(String::new, |it| format!(" in {it}"));
    let line = KeyLine {
        about: About::Keys,
        who,
        rule: WITHDRAWN,
        words: format!("what {reporter} said{place}: {verdicts} verdicts"),
        book: None,
    };
    let written = state.audit.record_key(line, state.clock.now()).await;
    written.map_err(Problem::internal)?;
    Ok(Json(Withdrawal { verdicts }))
}
