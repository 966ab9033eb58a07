//! What policies say of images that are known here, and would have said: of those in force, or of a
//! draft that comes with the question.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_engine::drafts::DraftError;
use sluicegate_engine::identity::Who;
use sluicegate_model::{Audience, Digest, Scope};
use sluicegate_policy::{
    AttachedFile, AttachedText, LoadErrors, NamedFile, PolicySet, SourceFile, Sources,
};

use super::ApiState;
use super::answers::Begun;
use super::asked::{Nothing, Path, Query};
use super::json::Json;
use super::parameters::{RepositoryName, repository};
use super::problem::Problem;
use super::upload::LongBody;
use crate::moment::Moment;
use crate::replay::{Replay, Replays};
use answers::ExplanationAnswer;

mod answers;

/// From when on pulls are held against a draft, where nobody says.
const SINCE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Policies that are not in force.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    /// Its files; none means the built-in policy.
    files: Vec<DraftFile>,
    /// The files that those name, such as VEX documents and public keys.
    #[serde(default)]
    attached: Vec<DraftAttached>,
}

/// A file that a file of a draft names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DraftAttached {
    /// The file that names it.
    by: String,
    /// The path that stands there: of this file, or the folder that it lies in.
    named: String,
    /// The path of this file, as if it were named.
    path: String,
    /// What it is called, for mistakes to be told with their place.
    name: String,
    /// What it holds.
    text: String,
}

/// A file of a draft.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DraftFile {
    /// What it is called, for mistakes to be told with their place.
    name: String,
    /// What it holds.
    text: String,
}

/// Which decision is to be explained.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AskedExplanation")]
pub(super) struct Asked {
    /// The image's manifest.
    digest: Digest,
    /// The repository, as it is pulled or by its canonical name; the one of the newest verdict where
    /// it is left out.
    repository: Option<RepositoryName>,
    /// A draft; what is in force where it is left out.
    draft: Option<Draft>,
}

/// What is to be held against which pulls.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedReplay {
    draft: Draft,
    /// The pulls from this instant or day (UTC) on, or so long ago; 30d where it is left out.
    #[serde(default)]
    since: Option<Moment>,
}

/// Explains a decision.
pub(super) async fn explain(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    _: Query<Nothing>,
    LongBody(asked): LongBody<Asked>,
) -> Result<Json<ExplanationAnswer>, Problem> {
    let now = state.clock.now();
    let draft = match asked.draft {
        Some(draft) => Some(loaded(draft, now).await?),
        None => None,
    };
    let scope = scope(
        &state,
        &who,
        &asked.digest,
        asked.repository.as_ref(),
        draft.as_ref(),
    );
    let scope = scope.await?;
    let drafts = replays(&state)?.drafts();
    let explained = drafts.explain(draft.map(Arc::new), &scope, &asked.digest);
    let explanation = explained.await.map_err(not_explained)?;
    Ok(Json(ExplanationAnswer::of(
        &scope,
        &asked.digest,
        explanation,
    )))
}

/// Starts a replay.
pub(super) async fn replay(
    State(state): State<Arc<ApiState>>,
    _: Query<Nothing>,
    LongBody(asked): LongBody<AskedReplay>,
) -> Result<Begun<Replay>, Problem> {
    let now = state.clock.now();
    let draft = loaded(asked.draft, now).await?;
    let since = match asked.since.unwrap_or(Moment::Ago(SINCE)) {
        Moment::At(instant) => instant,
        Moment::Ago(span) => now.checked_sub(span).unwrap_or(Timestamp::MIN),
    };
    let begun = replays(&state)?.start(draft, since);
    let begun = begun.map_err(|busy| Problem::too_many(busy.to_string()))?;
    Ok(Begun {
        shown_at: format!("/api/v1/policies/replays/{}", begun.id),
        what: begun,
    })
}

/// Shows how far a replay is.
pub(super) async fn replayed(
    State(state): State<Arc<ApiState>>,
    Path(id): Path<String>,
    _: Query<Nothing>,
) -> Result<Json<Replay>, Problem> {
    let shown = replays(&state)?.show(&id);
    let absent =
        || Problem::not_found("no replay of this id: it was never asked for, or was forgotten");
    shown.map(Json).ok_or_else(absent)
}

/// Gives who replays. Over the directory of a stopped service there is nobody: what decides is not
/// there, neither feeds nor policies.
pub(super) fn replays(state: &ApiState) -> Result<&Replays, Problem> {
    state.replays.as_ref().ok_or_else(|| {
        Problem::unavailable("a stopped service has no feeds and no policies to judge by: start it")
    })
}

/// Reads a draft, which may take a while: not where requests are answered.
async fn loaded(draft: Draft, now: Timestamp) -> Result<PolicySet, Problem> {
    let read = tokio::task::spawn_blocking(move || read(draft, now)).await;
    let read = read.map_err(Problem::internal)?;
    read.map_err(|mistakes| Problem::unprocessable(mistakes.to_string()))
}

fn read(draft: Draft, now: Timestamp) -> Result<PolicySet, LoadErrors> {
    let files = draft.files.into_iter().map(|file| SourceFile {
        name: file.name,
        text: file.text,
    });
    let files: Vec<SourceFile> = files.collect();
    let attached = attached(draft.attached);
    let sources = Sources {
        files: &files,
        attached: &attached,
        now,
    };
    PolicySet::load(&sources)
}

/// Puts files of one folder that is named under its name.
fn attached(sent: Vec<DraftAttached>) -> Vec<AttachedFile> {
    let mut attached: Vec<AttachedFile> = Vec::new();
    for file in sent {
        let text = AttachedText {
            path: file.path,
            file: SourceFile {
                name: file.name,
                text: file.text,
            },
        };
        let named = NamedFile {
            by: file.by,
            path: file.named,
        };
        let same = attached.iter_mut().find(|it| it.named == named);
        if let Some(Ok(texts)) = same.map(|it| &mut it.found) {
            texts.push(text);
        } else {
            attached.push(AttachedFile {
                named,
                found: Ok(vec![text]),
            });
        }
    }
    attached
}

/// Finds where an image is judged: in the repository that is asked for, else in that of the newest
/// verdict which whoever asks may see.
pub(super) async fn scope(
    state: &ApiState,
    who: &Who,
    digest: &Digest,
    name: Option<&RepositoryName>,
    draft: Option<&PolicySet>,
) -> Result<Scope, Problem> {
    let wanted = repository(name, state)?;
    let scopes = state.ledger.judged_in(digest).await;
    let scopes = scopes.map_err(Problem::internal)?;
    let known = scopes.into_iter().find(|scope| {
        let is_wanted = wanted.as_ref().is_none_or(|it| *it == scope.repository);
        is_wanted && who.rights.reach().has(&scope.repository)
    });
    let absent = || Problem::not_found("no verdict on this digest");
    let mut scope = known.ok_or_else(absent)?;
    if draft.is_some() {
        // Whom a draft tells apart nobody has asked as.
        scope.audience = Audience::EVERYBODY;
    }
    Ok(scope)
}

pub(super) fn not_explained(error: DraftError) -> Problem {
    match error {
        DraftError::NotKept { .. } => Problem::not_found(error.to_string()),
        DraftError::Failed(_) | DraftError::Ledger(_) => Problem::internal(error),
    }
}
