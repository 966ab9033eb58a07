//! The log of pulls, as auditors read it, and the policies that decided.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_engine::identity::Who;
use sluicegate_local::decisions::{
    self, DecisionFilter, DecisionLine, KeptPolicies, LineKind, Order, PageOf, PolicyTexts,
    Searched,
};
use sluicegate_model::form::{Each, Maybe};
use sluicegate_model::verdict::{Decision, RuleId};
use sluicegate_model::{Digest, Repository};
use sluicegate_policy::PolicyDocument;

use super::ApiState;
use super::asked::{Nothing, Path, Query};
use super::json::Json;
use super::parameters::{Limit, LineNumber, RepositoryName, Sequence, instant, repository};
use super::problem::Problem;
use crate::moment::Moment;
use answers::{DecisionLineAnswer, KeptPoliciesAnswer, PolicyDocumentAnswer};

mod answers;
#[cfg(test)]
mod tests;

/// The filters of the log.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// What happened.
    #[serde(rename = "type")]
    kind: Option<LineKind>,
    /// Repository, as it is pulled or by its canonical name, such as docker.io/library/nginx.
    repository: Option<RepositoryName>,
    /// Manifest digest, asked for or given; also of an index that lists it.
    digest: Option<Digest>,
    /// What came out.
    decision: Option<Decision>,
    /// Client address.
    client: Option<String>,
    /// Access key or user.
    principal: Option<String>,
    /// A rule that spoke.
    rule: Option<String>,
    /// CVE or other id that a rule spoke of, in any letter case.
    vulnerability: Option<String>,
    /// At this instant, on this day (UTC) or so long ago, or later.
    since: Option<Moment>,
    /// Before this instant, this day (UTC), or so long ago.
    until: Option<Moment>,
    /// Which end comes first.
    #[serde(default)]
    order: Order,
    /// Items of a page.
    #[serde(default)]
    limit: Limit,
    /// The cursor `next` of the page before.
    after: Option<Sequence>,
}

/// A page of the log, as it is written.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DecisionPage")]
pub struct List {
    #[serde(with = "Each::<DecisionLineAnswer>")]
    items: Vec<DecisionLine>,
    /// What to give as `after` for the next page; null on the last one.
    next: Option<String>,
    searched: Searched,
}

/// One line with the policies that decided; none where they are not kept.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ShownDecision")]
pub struct Shown {
    #[serde(flatten, with = "DecisionLineAnswer")]
    line: DecisionLine,
    #[serde(with = "Maybe::<Each<PolicyDocumentAnswer>>")]
    documents: Option<Vec<PolicyDocument>>,
}

/// The policies that are kept under a digest.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct ShownPolicies(#[serde(with = "KeptPoliciesAnswer")] KeptPolicies);

/// Lists lines of the decision log, newest first unless asked otherwise.
pub async fn list(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    Query(query): Query<ListQuery>,
) -> Result<Json<List>, Problem> {
    let repository = repository(query.repository.as_ref(), &state)?;
    let filter = DecisionFilter {
        reach: who.rights.reach().clone(),
        kind: query.kind,
        digests: digests(&state, repository.as_ref(), query.digest).await?,
        repository,
        decision: query.decision,
        client: query.client,
        principal: query.principal,
        rule: query.rule.map(RuleId::from),
        vulnerability: query.vulnerability,
        since: instant(query.since, &state),
        until: instant(query.until, &state),
    };
    let page = PageOf {
        order: query.order,
        after: query.after.map(|after| after.0),
        limit: query.limit.0,
    };
    let directory = state.decisions_dir.clone();
    let mut page = in_background(move || decisions::read(&directory, &filter, page)).await?;
    if !who.rights.reach().is_everything() {
        // How many lines there are of others is nobody's business.
        page.searched = Searched {
            lines: page.items.len() as u64,
            bytes: 0,
            to_seq: page.items.last().map(|line| line.seq),
        };
    }
    Ok(Json(List {
        items: page.items,
        next: page.next.map(|seq| seq.to_string()),
        searched: page.searched,
    }))
}

/// Shows one line, and the policies that decided.
pub async fn show(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    Path(LineNumber(seq)): Path<LineNumber>,
    _: Query<Nothing>,
) -> Result<Json<Shown>, Problem> {
    let directory = state.decisions_dir.clone();
    let line = in_background(move || decisions::read_line(&directory, seq)).await?;
    let told = DecisionFilter {
        reach: who.rights.reach().clone(),
        ..DecisionFilter::default()
    };
    let line = line.filter(|line| told.accepts(line));
    let line = line.ok_or_else(|| Problem::not_found(format!("no line has the number {seq}")))?;
    let kept = match line.policies.clone() {
        // Policies name the repositories of others.
        Some(digest) if who.rights.reach().is_everything() => kept(&state, digest).await?,
        Some(_) | None => None,
    };
    Ok(Json(Shown {
        line,
        documents: kept.map(|kept| kept.documents),
    }))
}

/// Shows the documents that are kept under a digest: of a set, or of one document.
pub async fn policies(
    State(state): State<Arc<ApiState>>,
    Path(digest): Path<Digest>,
    _: Query<Nothing>,
) -> Result<Json<ShownPolicies>, Problem> {
    let unknown = format!("no policies are kept under {digest}");
    let kept = kept(&state, digest).await?;
    let shown = kept.map(|kept| Json(ShownPolicies(kept)));
    shown.ok_or_else(|| Problem::not_found(unknown))
}

/// Gives the manifests that a search for one is for: itself, and the indexes that list it, for who
/// pulls one of them by tag pulls through it.
async fn digests(
    state: &ApiState,
    repository: Option<&Repository>,
    digest: Option<Digest>,
) -> Result<Vec<Digest>, Problem> {
    let Some(digest) = digest else {
        return Ok(Vec::new());
    };
    let mut repositories: Vec<Repository> = repository.into_iter().cloned().collect();
    if repositories.is_empty() {
        let known = state.ledger.judged_in(&digest).await;
        let scopes = known.map_err(Problem::internal)?.into_iter();
        repositories = scopes.map(|scope| scope.repository).collect();
    }
    let mut digests = vec![digest.clone()];
    for repository in repositories {
        let indexes = state.ledger.indexes_listing(&repository, &digest).await;
        digests.extend(indexes.map_err(Problem::internal)?);
    }
    Ok(digests)
}

async fn kept(state: &ApiState, digest: Digest) -> Result<Option<KeptPolicies>, Problem> {
    let directory = state.decisions_dir.clone();
    in_background(move || PolicyTexts::find(&directory, &digest)).await
}

/// Reads from the disk beside whoever waits for other things.
async fn in_background<T: Send + 'static, E: std::fmt::Display + Send + 'static>(
    read: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(read)
        .await
        .map_err(Problem::internal)?
        .map_err(Problem::internal)
}
