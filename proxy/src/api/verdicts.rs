//! Cached verdicts, as auditors ask for them.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::IntoResponse as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_engine::identity::Who;
use sluicegate_engine::ledger::LedgerError;
use sluicegate_engine::ledger::{Counts, Order, Summary, VerdictFilter, Worst};
use sluicegate_engine::pull::pulls::Pull;
use sluicegate_formats::answers::VerdictAnswer;
use sluicegate_model::access::Reach;
use sluicegate_model::form::Maybe;
use sluicegate_model::manifest::{Descriptor, Manifest};
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, Domain, Repository, Scope};

use super::answers::{List, Written};
use super::asked::{Path, Query};
use super::inventories::WithInventory;
use super::json::Json;
use super::parameters::{Limit, NoCursor, RepositoryName, instant, repository};
use super::problem::Problem;
use super::summary::{CountsAnswer, SummaryAnswer, WorstAnswer};
use super::{ApiState, body, inventories, remedy};
use crate::moment::Moment;
use sluicegate_engine::memory::Share;
use sluicegate_remedy::answer::RemedyAnswer;

#[cfg(test)]
mod tests;

/// What a page of the list may take in memory, in bytes: its verdicts, and their text.
const LIST_BYTES: u64 = 24 * 1024 * 1024;

/// The filters of the list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// Repository, as it is pulled or by its canonical name, such as docker.io/library/nginx.
    repository: Option<RepositoryName>,
    /// Manifest digest.
    digest: Option<Digest>,
    /// What came out.
    decision: Option<Decision>,
    /// Id or alias of a finding, in any letter case.
    vulnerability: Option<String>,
    /// Name of a package with a finding, of its source, or of a Maven artifact without its group;
    /// in any letter case.
    package: Option<String>,
    /// Whether a rule asked for a refusal that the mode of the policy did not carry out.
    would_refuse: Option<bool>,
    /// `findings` for whole verdicts in place of summaries, `inventory` for those and the packages of
    /// each image.
    include: Option<Include>,
    /// `newest` for the newest verdict first, `first-judged` for the order in which the images were
    /// judged first: there a verdict that is made anew keeps its place, so that whoever reads page
    /// after page sees each once.
    #[serde(default)]
    order: ListOrder,
    /// Who says what the image holds, such as `key:ci`, where it was not looked at here; `*` for whoever
    /// it is.
    reported_by: Option<String>,
    /// At this instant, on this day (UTC) or so long ago, or later.
    since: Option<Moment>,
    /// Before this instant, this day (UTC), or so long ago.
    until: Option<Moment>,
    /// Items of a page.
    #[serde(default)]
    limit: Limit,
    /// The cursor `next` of the page before.
    after: Option<String>,
}

/// What a list says beside its summaries.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Include {
    /// All that was found.
    Findings,
    /// That, and all that is installed.
    Inventory,
}

/// The order of the list.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
enum ListOrder {
    /// The newest verdict first.
    #[default]
    Newest,
    /// As the images were judged first.
    FirstJudged,
}

/// Lists verdicts: in short, or with all that was found, or that is installed.
pub async fn list(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    Query(query): Query<ListQuery>,
) -> Result<Written<List<Listed>>, Problem> {
    let filter = VerdictFilter {
        reach: who.rights.reach().clone(),
        repository: repository(query.repository.as_ref(), &state)?,
        digest: query.digest,
        decision: query.decision,
        vulnerability: query.vulnerability,
        package: query.package,
        would_refuse: query.would_refuse,
        reported_by: query.reported_by,
        since: instant(query.since, &state),
        until: instant(query.until, &state),
        order: match query.order {
            ListOrder::Newest => Order::Newest,
            ListOrder::FirstJudged => Order::FirstJudged,
        },
    };
    let (limit, after) = (query.limit.0, query.after.as_deref());
    match query.include {
        None => {
            let page = state.ledger.list_summaries(&filter, limit, after).await;
            let page = page.map_err(unlisted)?;
            let list = List {
                items: page.items.into_iter().map(Listed::Short).collect(),
                next: page.next,
            };
            Ok(Written::of(Json(list).into_response()))
        }
        Some(Include::Findings) => {
            let share = state.judge.view(LIST_BYTES).await;
            let page = state.ledger.list_verdicts(&filter, limit, after).await;
            let page = page.map_err(unlisted)?;
            let list = List {
                items: page.items.into_iter().map(WithFindings::of).collect(),
                next: page.next,
            };
            let written = body::json(list, share).await?;
            Ok(Written::of(written.into_response()))
        }
        Some(Include::Inventory) => inventories::list(&state, &filter, limit, after).await,
    }
}

/// Says why there is no page of a list: the cursor is whoever asks', all else is ours.
pub(super) fn unlisted(error: LedgerError) -> Problem {
    match error {
        LedgerError::Cursor(text) => {
            let detail = format!("parameter after: {}", NoCursor(text));
            Problem::bad_parameter("after", detail)
        }
        error @ (LedgerError::NotIndexed | LedgerError::NotRead { .. }) => {
            Problem::unavailable(error.to_string())
        }
        error @ (LedgerError::Full(_) | LedgerError::Encoding { .. } | LedgerError::Failed(_)) => {
            Problem::internal(error)
        }
    }
}

/// One verdict of a list.
#[expect(clippy::large_enum_variant, reason = "the large one is the usual one")]
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Listed {
    /// All of it, with what is installed.
    WithInventory(Box<WithInventory>),
    /// All of it, where findings are to be included.
    Whole(Box<WithFindings>),
    /// What it comes to.
    Short(#[serde(with = "SummaryAnswer")] Summary),
}

/// A verdict, with what its summary counts.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WithFindings {
    /// The verdict.
    #[serde(flatten, with = "VerdictAnswer")]
    verdict: Verdict,
    /// Whether a rule asked for a refusal that the policy's mode did not carry out.
    would_refuse: bool,
    /// How many findings there are, of what kinds.
    #[serde(with = "CountsAnswer")]
    counts: Counts,
    /// The worst finding; none where there is none.
    #[serde(with = "Maybe::<WorstAnswer>")]
    worst: Option<Worst>,
}

impl WithFindings {
    /// Adds to a verdict what its summary counts.
    pub(super) fn of(verdict: Verdict) -> Self {
        let summary = Summary::of(&verdict);
        Self {
            verdict,
            would_refuse: summary.would_refuse,
            counts: summary.counts,
            worst: summary.worst,
        }
    }
}

/// What there is on a digest.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Shown {
    /// A verdict.
    Verdict(Box<ShownVerdict>),
    /// What an index holds.
    Index(IndexContents),
}

/// One verdict, as it is written.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ShownVerdict {
    #[serde(flatten, with = "VerdictAnswer")]
    verdict: Verdict,
    /// Where else there is a verdict on this digest, the newest first.
    other_repositories: Vec<Repository>,
    /// What would have to be done for policy to allow it, where that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<RemedyAnswer>,
}

/// What an index holds.
#[derive(Debug, Serialize, JsonSchema)]
pub struct IndexContents {
    digest: Digest,
    /// Always true.
    index: bool,
    children: Vec<IndexChild>,
}

/// One image of an index.
#[derive(Debug, Serialize, JsonSchema)]
struct IndexChild {
    digest: Digest,
    /// `os/architecture[/variant]`.
    platform: Option<String>,
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
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowQuery {
    /// The verdict for this repository, as it is pulled or by its canonical name; without it, the
    /// newest one.
    repository: Option<RepositoryName>,
    /// The verdict on what this reporter or scanner says, such as `key:ci`; without it, one on what was
    /// looked at here comes first.
    reported_by: Option<String>,
    /// `remedy` for what would have to be done as well; no index has that.
    include: Option<Beside>,
}

/// What is said beside one verdict.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Beside {
    /// What would have to be done.
    Remedy,
}

/// Shows the newest verdict on a digest, or what an index holds.
pub async fn show(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    Path(digest): Path<Digest>,
    Query(query): Query<ShowQuery>,
) -> Result<Written<Shown>, Problem> {
    let (reach, repository) = (who.rights.reach(), query.repository.as_ref());
    let asked = AskedVerdict {
        digest: &digest,
        reach,
        repository: self::repository(repository, &state)?,
        reported_by: query.reported_by,
    };
    let remedy = match query.include {
        Some(Beside::Remedy) => Some(remedy::found(&state, &who, &digest, repository).await?),
        None => None,
    };
    shown(&state, &asked, remedy).await
}

/// Shows what is asked for.
pub(super) async fn shown(
    state: &ApiState,
    asked: &AskedVerdict<'_>,
    remedy: Option<RemedyAnswer>,
) -> Result<Written<Shown>, Problem> {
    let viewed = found(state, asked, 1).await?;
    let Some(viewed) = viewed else {
        let index = Shown::Index(absent(state, asked).await?);
        return Ok(Written::of(Json(index).into_response()));
    };
    let shown = ShownVerdict {
        verdict: viewed.verdict,
        other_repositories: viewed.other_repositories,
        remedy,
    };
    body::json(Shown::Verdict(Box::new(shown)), viewed.share).await
}

/// Which verdict is asked for.
pub(super) struct AskedVerdict<'a> {
    /// The manifest.
    pub(super) digest: &'a Digest,
    /// The repositories that whoever asks knows of.
    pub(super) reach: &'a Reach,
    /// The one repository that is meant, where one is.
    pub(super) repository: Option<Repository>,
    /// Whose word it is to be on, where that matters.
    pub(super) reported_by: Option<String>,
}

impl AskedVerdict<'_> {
    fn may_be(&self, scope: &Scope) -> bool {
        let (wanted, who) = (self.repository.as_ref(), self.reported_by.as_ref());
        wanted.is_none_or(|wanted| *wanted == scope.repository)
            && who.is_none_or(|who| scope.domain.shown().as_ref() == Some(who))
            && self.reach.has(&scope.repository)
    }
}

/// Gives the newest verdict that is asked for, with `room` times the memory that the verdict itself
/// takes.
pub(super) async fn newest(
    state: &ApiState,
    asked: &AskedVerdict<'_>,
    room: u64,
) -> Result<Viewed, Problem> {
    match found(state, asked, room).await? {
        Some(viewed) => Ok(viewed),
        None => match absent(state, asked).await {
            Ok(_index) => Err(Problem::not_found(
                "this is an index: ask for one of the images it lists",
            )),
            Err(problem) => Err(problem),
        },
    }
}

/// Reads the newest verdict that is asked for.
async fn found(
    state: &ApiState,
    asked: &AskedVerdict<'_>,
    room: u64,
) -> Result<Option<Viewed>, Problem> {
    let (ledger, digest) = (&state.ledger, asked.digest);
    let scopes = ledger.judged_in(digest).await;
    let mut scopes = scopes.map_err(Problem::internal)?;
    scopes.retain(|scope| asked.reach.has(&scope.repository));
    // What was looked at here speaks before what somebody says, however new that is.
    scopes.sort_by_key(|scope| matches!(scope.domain, Domain::Reporter(_)));
    for scope in &scopes {
        let repository = &scope.repository;
        if !asked.may_be(scope) {
            continue;
        }
        let bytes = ledger.verdict_bytes(scope, digest).await;
        let bytes = bytes.map_err(Problem::internal)?.unwrap_or(0);
        let share = state.judge.view_of(bytes.saturating_mul(room)).await;
        let verdict = ledger.verdict(scope, digest).await;
        // A damaged one is none: the next newest speaks.
        let Some(verdict) = verdict.map_err(Problem::internal)? else {
            continue;
        };
        let viewed = Viewed {
            verdict,
            other_repositories: others(&scopes, repository),
            share,
        };
        return Ok(Some(viewed));
    }
    Ok(None)
}

/// Names the repositories beside this one, each once.
fn others(scopes: &[Scope], shown: &Repository) -> Vec<Repository> {
    let mut others: Vec<Repository> = Vec::new();
    for Scope { repository, .. } in scopes {
        if repository != shown && !others.contains(repository) {
            others.push(repository.clone());
        }
    }
    others
}

/// Says why there is no verdict: it is being made, it is an index, or it was never asked for.
async fn absent(state: &ApiState, asked: &AskedVerdict<'_>) -> Result<IndexContents, Problem> {
    let digest = asked.digest;
    let is_awaited = |pull: &Arc<Pull>| {
        pull.manifest.digest == *digest && asked.reach.has(&pull.scope.repository)
    };
    if state.running.list().iter().any(is_awaited) {
        return Err(Problem::still_scanning());
    }
    if !may_know_of(state, asked).await? {
        return Err(Problem::not_found("no verdict on this digest"));
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
    Ok(IndexContents {
        digest: digest.clone(),
        index: true,
        children,
    })
}

/// Tells whether whoever asks may be shown a manifest that is no image: who does not know of all
/// repositories has to name one, and that has to hold it.
async fn may_know_of(state: &ApiState, asked: &AskedVerdict<'_>) -> Result<bool, Problem> {
    if asked.reach.is_everything() {
        return Ok(true);
    }
    let Some(repository) = asked.repository.as_ref().filter(|it| asked.reach.has(it)) else {
        return Ok(false);
    };
    let is_member = state.ledger.is_member(repository, asked.digest).await;
    is_member.map_err(Problem::internal)
}

fn index_children(bytes: &[u8]) -> Option<Vec<IndexChild>> {
    let Manifest::Index(index) = Manifest::of_any_kind(bytes)? else {
        return None;
    };
    let child = |child: &Descriptor| IndexChild {
        digest: child.digest.clone(),
        platform: child.platform.as_ref().map(ToString::to_string),
    };
    Some(index.manifests.iter().map(child).collect())
}
