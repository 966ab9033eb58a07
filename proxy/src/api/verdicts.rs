//! Cached verdicts, as auditors ask for them.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use sluicegate_model::manifest::Manifest;
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, Repository};

use super::json::Json;
use super::problem::Problem;
use super::{ApiState, page};
use crate::verdicts::VerdictFilter;

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
) -> Result<Json<Value>, Problem> {
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
    let page = state
        .records
        .list_verdicts(&filter, limit, query.after.as_deref())
        .await
        .map_err(Problem::internal)?;
    Ok(Json(json!({"items": page.items, "next": page.next})))
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
) -> Result<Json<Value>, Problem> {
    let (digest, verdicts, position) = found(&state, &digest, query.repository).await?;
    match position {
        Some(position) => Ok(Json(shown(&verdicts, position))),
        None => absent(&state, &digest).await,
    }
}

/// Gives the newest verdict on a digest, in one repository where one is named.
pub async fn newest(
    state: &ApiState,
    digest: &str,
    repository: Option<String>,
) -> Result<Verdict, Problem> {
    let (digest, mut verdicts, position) = found(state, digest, repository).await?;
    match position {
        Some(position) => Ok(verdicts.swap_remove(position)),
        None => match absent(state, &digest).await {
            Ok(_index) => Err(Problem::not_found(
                "this is an index: ask for one of the images it lists",
            )),
            Err(problem) => Err(problem),
        },
    }
}

/// Gives the verdicts on a digest, newest first, and the place of the one that is wanted.
async fn found(
    state: &ApiState,
    digest: &str,
    repository: Option<String>,
) -> Result<(Digest, Vec<Verdict>, Option<usize>), Problem> {
    let digest: Digest = digest
        .parse()
        .map_err(|error| Problem::bad_request(format!("{error}")))?;
    let wanted: Option<Repository> = parsed("repository", repository)?;
    let mut verdicts = state
        .records
        .verdicts_of(&digest)
        .await
        .map_err(Problem::internal)?;
    verdicts.sort_by_key(|verdict| std::cmp::Reverse(verdict.provenance.decided_at));
    let position = verdicts.iter().position(|verdict| {
        let wanted = wanted.as_ref();
        wanted.is_none_or(|wanted| verdict.repository == *wanted)
    });
    Ok((digest, verdicts, position))
}

fn shown(verdicts: &[Verdict], position: usize) -> Value {
    let others: Vec<&Repository> = verdicts
        .iter()
        .enumerate()
        .filter(|(other, _)| *other != position)
        .map(|(_, verdict)| &verdict.repository)
        .collect();
    let mut body = json!(verdicts.get(position));
    if let Some(members) = body.as_object_mut() {
        members.insert("other_repositories".into(), json!(others));
    }
    body
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
