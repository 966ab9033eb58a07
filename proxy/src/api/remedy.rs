//! What would have to be done for policy to allow an image.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_engine::identity::Who;
use sluicegate_engine::ledger::{LedgerError, Summary, VerdictFilter};
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Repository, Scope, Tag};
use sluicegate_remedy::answer::{CompliantTag, RemedyAnswer};
use sluicegate_remedy::tags;

use super::ApiState;
use super::asked::{Path, Query};
use super::drafts::{not_explained, replays, scope};
use super::json::Json;
use super::parameters::RepositoryName;
use super::problem::Problem;

/// Verdicts of a page among which another tag is looked for, and pages.
const PAGE: usize = 200;
const PAGES: usize = 5;
/// What the image as it would be takes beside the image as it is, in bytes.
const COPIES_BYTES: u64 = 24 * 1024 * 1024;
/// Other tags that are judged by what is in force now.
const TRIED: usize = 5;

/// The repository of one image.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RemedyQuery {
    /// The repository in which it is judged, as it is pulled or by its canonical name; without it, that
    /// of the newest verdict.
    repository: Option<RepositoryName>,
}

/// Finds the upgrades after which an image would be allowed, and a tag that is.
pub(super) async fn remedy(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    Path(digest): Path<Digest>,
    Query(query): Query<RemedyQuery>,
) -> Result<Json<RemedyAnswer>, Problem> {
    let found = found(&state, &who, &digest, query.repository.as_ref());
    found.await.map(Json)
}

/// Finds the same for whoever else tells it.
pub(super) async fn found(
    state: &ApiState,
    who: &Who,
    digest: &Digest,
    repository: Option<&RepositoryName>,
) -> Result<RemedyAnswer, Problem> {
    let scope = scope(state, who, digest, repository, None).await?;
    found_in(state, who, &scope, digest).await
}

/// Finds the same in a scope that is known.
pub(super) async fn found_in(
    state: &ApiState,
    who: &Who,
    scope: &Scope,
    digest: &Digest,
) -> Result<RemedyAnswer, Problem> {
    let drafts = replays(state)?.drafts();
    let _share = state.judge.view(COPIES_BYTES).await;
    let found = drafts.remedy(scope, digest).await;
    let found = found.map_err(not_explained)?;
    let mut answer = RemedyAnswer::of(scope.repository.clone(), digest.clone(), &found);
    if answer.decision == Decision::Refuse {
        answer.compliant_tag = compliant_tag(state, who, scope, digest).await?;
    }
    Ok(answer)
}

/// Finds the newest other tag of the repository that is known here and allowed now.
async fn compliant_tag(
    state: &ApiState,
    who: &Who,
    scope: &Scope,
    digest: &Digest,
) -> Result<Option<CompliantTag>, Problem> {
    let known = verdicts_in(state, who, scope).await?;
    let Some(own) = known.iter().find(|it| it.digest == *digest) else {
        return Ok(None);
    };
    let mut others: Vec<(&Tag, &Summary)> = Vec::new();
    for other in &known {
        let is_alike = other.digest != *digest && other.platform == own.platform;
        if is_alike && other.decision != Decision::Refuse {
            let newer = other.tags.iter().filter(|tag| is_newer(tag, &own.tags));
            others.extend(newer.map(|tag| (tag, other)));
        }
    }
    others.sort_by(|(one, _), (other, _)| {
        let order = tags::compare(other.as_str(), one.as_str());
        order.unwrap_or(Ordering::Equal)
    });
    for (tag, other) in others.into_iter().take(TRIED) {
        if !leads_to(state, &scope.repository, tag, &other.digest).await? {
            continue;
        }
        let current = state.judge.current(scope, &other.digest).await;
        let current = current.map_err(Problem::internal)?;
        if let Some(verdict) = current.filter(|it| it.decision != Decision::Refuse) {
            return Ok(Some(CompliantTag {
                tag: tag.clone(),
                digest: other.digest.clone(),
                decision: verdict.decision,
            }));
        }
    }
    Ok(None)
}

/// Lists the verdicts in a scope, newest first, as many as are looked at.
async fn verdicts_in(state: &ApiState, who: &Who, scope: &Scope) -> Result<Vec<Summary>, Problem> {
    let filter = VerdictFilter {
        reach: who.rights.reach().clone(),
        repository: Some(scope.repository.clone()),
        ..VerdictFilter::default()
    };
    let (mut known, mut after) = (Vec::new(), None::<String>);
    for _ in 0..PAGES {
        let page = state.ledger.list_summaries(&filter, PAGE, after.as_deref());
        let page = match page.await {
            Ok(page) => page,
            // The upgrades are known without the list.
            Err(LedgerError::NotIndexed) => return Ok(Vec::new()),
            Err(error) => return Err(Problem::internal(error)),
        };
        let alike = page
            .items
            .into_iter()
            .filter(|it| it.audience == scope.audience && it.domain == scope.domain);
        known.extend(alike);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(known)
}

/// Tells whether a tag is one of an image's own, which has moved on, or later than one of them as far as
/// they can be compared.
fn is_newer(tag: &Tag, own: &[Tag]) -> bool {
    let mut own = own.iter();
    own.any(|it| it == tag || tags::compare(tag.as_str(), it.as_str()) == Some(Ordering::Greater))
}

/// Tells whether a tag points to an image, directly or through an index, as far as is known here.
async fn leads_to(
    state: &ApiState,
    repository: &Repository,
    tag: &Tag,
    image: &Digest,
) -> Result<bool, Problem> {
    let ledger = &state.ledger;
    let points = ledger
        .tag(repository, tag)
        .await
        .map_err(Problem::internal)?;
    let Some(points) = points else {
        return Ok(false);
    };
    if points.digest == *image {
        return Ok(true);
    }
    let indexes = ledger.indexes_listing(repository, image).await;
    let indexes: BTreeSet<Digest> = indexes.map_err(Problem::internal)?.into_iter().collect();
    Ok(indexes.contains(&points.digest))
}
