//! Cached verdicts, as auditors ask for them.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sluicegate_model::manifest::Manifest;
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, Repository};

use super::json::Json;
use super::problem::Problem;
use super::{ApiState, body, page};
use crate::pull::memory::Share;
use crate::verdicts::VerdictFilter;

/// What a page of the list may take in memory, in bytes: its verdicts, and their text.
const LIST_BYTES: u64 = 24 * 1024 * 1024;

/// The filters of the list.
#[derive(Debug, Default, Deserialize)]
pub struct ListQuery {
    repository: Option<String>,
    digest: Option<String>,
    decision: Option<String>,
    vulnerability: Option<String>,
    package: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    limit: Option<usize>,
    after: Option<String>,
}

/// Lists verdicts, newest first.
pub async fn list(
    State(state): State<Arc<ApiState>>,
    Query(query): Query<ListQuery>,
) -> Result<Response, Problem> {
    let filter = VerdictFilter {
        repository: parsed("repository", query.repository)?,
        digest: parsed("digest", query.digest)?,
        decision: query.decision.as_deref().map(parse_decision).transpose()?,
        vulnerability: query.vulnerability,
        package: query.package,
        since: query.since,
        until: query.until,
    };
    let limit = page::limit(query.limit);
    let share = state.gate.judge.view(LIST_BYTES).await;
    let page = state
        .records
        .list_verdicts(&filter, limit, query.after.as_deref())
        .await
        .map_err(Problem::internal)?;
    let list = List {
        items: page.items,
        next: page.next,
    };
    body::json(list, share).await
}

/// A page of the list, as it is written.
#[derive(Serialize)]
struct List {
    items: Vec<Verdict>,
    next: Option<String>,
}

/// One verdict, as it is written.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    verdict: Verdict,
    other_repositories: Vec<Repository>,
}

/// A verdict that was read under a share of the memory for views.
pub(super) struct Viewed {
    /// The verdict.
    pub(super) verdict: Verdict,
    /// Where else there is one on the same manifest.
    other_repositories: Vec<Repository>,
    /// What it was read under.
    pub(super) share: Share,
}

/// The repository of one verdict.
#[derive(Debug, Default, Deserialize)]
pub struct ShowQuery {
    repository: Option<String>,
}

/// Shows the newest verdict on a digest, or what an index holds.
pub async fn show(
    State(state): State<Arc<ApiState>>,
    Path(digest): Path<String>,
    Query(query): Query<ShowQuery>,
) -> Result<Response, Problem> {
    let (digest, viewed) = found(&state, &digest, query.repository, 1).await?;
    let Some(viewed) = viewed else {
        return Ok(absent(&state, &digest).await?.into_response());
    };
    let shown = Shown {
        verdict: viewed.verdict,
        other_repositories: viewed.other_repositories,
    };
    body::json(shown, viewed.share).await
}

/// Gives the newest verdict on a digest, in one repository where one is named, with `room` times
/// the memory that the verdict itself takes.
pub(super) async fn newest(
    state: &ApiState,
    digest: &str,
    repository: Option<String>,
    room: u64,
) -> Result<Viewed, Problem> {
    let (digest, viewed) = found(state, digest, repository, room).await?;
    match viewed {
        Some(viewed) => Ok(viewed),
        None => match absent(state, &digest).await {
            Ok(_index) => Err(Problem::not_found(
                "this is an index: ask for one of the images it lists",
            )),
            Err(problem) => Err(problem),
        },
    }
}

/// Reads the newest verdict on a digest that is wanted.
async fn found(
    state: &ApiState,
    digest: &str,
    repository: Option<String>,
    room: u64,
) -> Result<(Digest, Option<Viewed>), Problem> {
    let digest: Digest = digest
        .parse()
        .map_err(|error| Problem::bad_request(format!("{error}")))?;
    let wanted: Option<Repository> = parsed("repository", repository)?;
    let records = &state.records;
    let repositories = records.judged_in(&digest).await;
    let repositories = repositories.map_err(Problem::internal)?;
    for repository in &repositories {
        if wanted.as_ref().is_some_and(|wanted| wanted != repository) {
            continue;
        }
        let bytes = records.verdict_bytes(repository, &digest).await;
        let bytes = bytes.map_err(Problem::internal)?.unwrap_or(0);
        let share = state.gate.judge.view_of(bytes.saturating_mul(room)).await;
        let verdict = records.verdict(repository, &digest).await;
        // A damaged one is none: the next newest speaks.
        let Some(verdict) = verdict.map_err(Problem::internal)? else {
            continue;
        };
        let others = repositories.iter().filter(|other| *other != repository);
        let viewed = Viewed {
            verdict,
            other_repositories: others.cloned().collect(),
            share,
        };
        return Ok((digest, Some(viewed)));
    }
    Ok((digest, None))
}

/// Says why there is no verdict: it is being made, it is an index, or it was never asked for.
async fn absent(state: &ApiState, digest: &Digest) -> Result<Json<Value>, Problem> {
    if state
        .gate
        .pulls
        .list()
        .iter()
        .any(|pull| pull.manifest.digest == *digest)
    {
        let problem = Problem::not_found("the image is being scanned");
        return Err(problem.with("state", "scanning"));
    }
    let stored = state
        .content
        .read(digest, sluicegate_model::manifest::MAX_MANIFEST_BYTES)
        .await;
    let index = stored
        .ok()
        .flatten()
        .and_then(|bytes| index_children(&bytes));
    let Some(children) = index else {
        return Err(Problem::not_found("no verdict on this digest"));
    };
    Ok(Json(
        json!({"digest": digest, "index": true, "children": children}),
    ))
}

fn index_children(bytes: &[u8]) -> Option<Vec<Value>> {
    let known = sluicegate_model::media_type::ACCEPTED_MANIFESTS;
    let parsed = known
        .iter()
        .find_map(|kind| Manifest::parse(bytes, kind).ok())?;
    let Manifest::Index(index) = parsed else {
        return None;
    };
    let child = |child: &sluicegate_model::manifest::Descriptor| json!({"digest": child.digest, "platform": child.platform.as_ref().map(ToString::to_string)});
    Some(index.manifests.iter().map(child).collect())
}

/// Parses an optional query parameter.
pub fn parsed<T: std::str::FromStr>(name: &str, text: Option<String>) -> Result<Option<T>, Problem>
where
    T::Err: std::fmt::Display,
{
    text.map(|text| text.parse())
        .transpose()
        .map_err(|error| Problem::bad_request(format!("parameter {name}: {error}")))
}

/// Reads a decision by its name.
pub fn parse_decision(text: &str) -> Result<Decision, Problem> {
    match text {
        "allow" => Ok(Decision::Allow),
        "annotate" => Ok(Decision::Annotate),
        "refuse" => Ok(Decision::Refuse),
        _ => Err(Problem::bad_request(
            "decision is none of allow, annotate, refuse",
        )),
    }
}
