//! Images that are let through for a while against what policy says, and letting one through.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_engine::break_glass::BreakGlassError;
use sluicegate_engine::identity::Who;
use sluicegate_engine::ledger::Waiver;
use sluicegate_model::schema::Instant;
use sluicegate_model::{Digest, Repository};

use super::ApiState;
use super::answers::List;
use super::asked::{Body, Nothing, Query};
use super::json::Json;
use super::parameters::RepositoryName;
use super::problem::Problem;
use crate::moment::Moment;

/// Which image is to be let through.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BreakGlass")]
pub(super) struct Asked {
    /// The image's manifest.
    digest: Digest,
    /// The repository, as it is pulled or by its canonical name.
    repository: RepositoryName,
    /// Why, in one line.
    #[schemars(length(min = 1, max = 500))]
    reason: String,
    /// For how long, such as 4h.
    #[serde(rename = "for")]
    time: Moment,
}

/// An image that is let through.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "LetThroughImage")]
pub(super) struct Shown {
    digest: Digest,
    repository: Repository,
    /// Who let it through.
    by: String,
    /// Why.
    reason: String,
    #[schemars(with = "Instant")]
    since: Timestamp,
    /// When it ends by itself.
    #[schemars(with = "Instant")]
    until: Timestamp,
    seconds_left: i64,
}

/// Lets an image through.
pub(super) async fn let_through(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    _: Query<Nothing>,
    Body(asked): Body<Asked>,
) -> Result<Json<Shown>, Problem> {
    let repository = asked.repository.canonical(&state)?;
    if !who.rights.reach().has(&repository) {
        let detail =
            format!("{repository} is no repository that this key may let images of through");
        return Err(Problem::not_found(detail));
    }
    let Moment::Ago(time) = asked.time else {
        return Err(Problem::bad_request(
            "for is a time, such as 4h, and no instant",
        ));
    };
    let image = (&repository, &asked.digest);
    let waiver = state
        .break_glass
        .let_through(&who, image, &asked.reason, time);
    let waiver = waiver.await.map_err(refused)?;
    Ok(Json(shown(waiver, state.clock.now())))
}

/// Lists what is let through at this moment.
pub(super) async fn list(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    _: Query<Nothing>,
) -> Result<Json<List<Shown>>, Problem> {
    Ok(Json(List {
        items: in_force(&state, &who),
        next: None,
    }))
}

/// Lists what is let through at this moment, of the repositories that whoever asks may see.
pub(super) fn in_force(state: &ApiState, who: &Who) -> Vec<Shown> {
    let (now, reach) = (state.clock.now(), who.rights.reach());
    let all = state.break_glass.in_force().into_iter();
    let told = all.filter(|waiver| reach.has(&waiver.repository));
    told.map(|waiver| shown(waiver, now)).collect()
}

fn shown(waiver: Waiver, now: Timestamp) -> Shown {
    let left = waiver.until.duration_since(now).max(SignedDuration::ZERO);
    Shown {
        digest: waiver.digest,
        repository: waiver.repository,
        by: waiver.by,
        reason: waiver.reason,
        since: waiver.since,
        until: waiver.until,
        seconds_left: left.as_secs(),
    }
}

fn refused(error: BreakGlassError) -> Problem {
    match error {
        BreakGlassError::NoReason | BreakGlassError::Time(_) => {
            Problem::bad_request(error.to_string())
        }
        BreakGlassError::NotLogged(_) | BreakGlassError::NotKept(_) => {
            Problem::unavailable(error.to_string())
        }
    }
}
