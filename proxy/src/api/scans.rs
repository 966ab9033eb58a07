//! Scans ahead of the first pull, as pipelines and `warm` ask for them.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ApiState;
use super::admission::linked;
use super::answers::Begun;
use super::asked::{Body, Nothing, Path, Query};
use super::json::Json;
use super::problem::Problem;
use super::scanner_work::may_tell_of;
use sluicegate_engine::identity::Who;
use sluicegate_engine::scans::{ScanError, ScanReport};
use sluicegate_linked::desk::Outcome;
use sluicegate_linked::linked::Linked;
use sluicegate_linked::roll::Member;
use sluicegate_linked::task::{Assigned, ImageTask, Task};
use sluicegate_model::image::WrittenName;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Reference, Repository};

/// What is to be scanned.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// REPOSITORY, REPOSITORY:TAG or REPOSITORY@DIGEST; a tag with * or ? means all tags that match.
    image: String,
    /// The linked scanner that is to look at it; for an image of a registry that only that one
    /// reaches, by its canonical name, and one tag or digest.
    scanner: Option<String>,
}

/// Starts a scan.
pub async fn start(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    _: Query<Nothing>,
    Body(asked): Body<Asked>,
) -> Result<Begun<ScanReport>, Problem> {
    let started = match &asked.scanner {
        None => state.scans.start(&asked.image, who),
        Some(scanner) => {
            let (member, task) = elsewhere(&state, &who, &asked.image, scanner)?;
            let linked = linked(state.linked.as_ref())?.clone();
            let repository = task.repository.clone();
            let plugins = state.judge.plugins();
            let task = Task::Image(task);
            let work = Assigned { task, plugins };
            let outcome = async move { outcome(&linked, &member, work).await };
            state
                .scans
                .start_elsewhere(&asked.image, repository, who, outcome)
        }
    };
    let report = started.map_err(|error| match error {
        ScanError::Name(reason) => Problem::bad_request(reason),
        ScanError::Foreign(_) => Problem::not_found(error.to_string()),
        ScanError::Busy => Problem::too_many(error.to_string()),
    })?;
    Ok(Begun {
        shown_at: format!("/api/v1/scans/{}", report.id),
        what: report,
    })
}

/// Finds the scanner that is to look at an image, and what it is to be asked.
fn elsewhere(
    state: &ApiState,
    who: &Who,
    image: &str,
    scanner: &str,
) -> Result<(Arc<Member>, ImageTask), Problem> {
    let written = WrittenName::of(image);
    let reference = written.digest.or(written.tag).unwrap_or("latest");
    let wrong = |error: &dyn std::fmt::Display| Problem::bad_request(error.to_string());
    let repository: Repository = written.name.parse().map_err(|error| wrong(&error))?;
    let parsed: Result<Reference, _> = reference.parse();
    parsed.map_err(|error| wrong(&error))?;
    let named = linked(state.linked.as_ref())?.roll().named(scanner);
    let unknown = || Problem::not_found(format!("no scanner {scanner:?} is linked and works"));
    let member = named.ok_or_else(unknown)?;
    if !who.rights.reach().has(&repository) {
        return Err(Problem::not_found(
            ScanError::Foreign(repository).to_string(),
        ));
    }
    may_tell_of(state, &member, &repository)?;
    let reference = reference.to_owned();
    let task = ImageTask {
        repository,
        reference,
    };
    Ok((member, task))
}

/// Waits for what a scanner says of an image, and what was decided on that.
async fn outcome(
    linked: &Linked,
    scanner: &Member,
    work: Assigned,
) -> Result<(Digest, Decision), String> {
    let done = linked.desk().have_done(scanner, work).await;
    match done.map_err(|error| error.to_string())? {
        Some(Outcome::Judged(digest, decision)) => Ok((digest, decision)),
        Some(Outcome::Failed(why)) => Err(why),
        Some(Outcome::Found(_)) => Err("the scanner spoke of something else".to_owned()),
        None => Err("the scanner is away".to_owned()),
    }
}

/// Shows how far a scan is.
pub async fn show(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    _: Query<Nothing>,
) -> Result<Json<ScanReport>, Problem> {
    let report = state.scans.show(&id, who.rights.reach());
    report
        .map(Json)
        .ok_or_else(|| Problem::not_found("no scan of this id; a restart forgets them"))
}
