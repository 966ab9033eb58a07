//! Access keys: made, listed, rotated and ended by admins.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_accounts::book::{KeyError, WantedKey, Which};
use sluicegate_accounts::key::{Issued, Key, KeyState};
use sluicegate_accounts::keys::{ChangeError, Keys, ShownKey};
use sluicegate_engine::identity::Who;
use sluicegate_model::access::Role;
use sluicegate_model::schema::Instant;

use super::ApiState;
use super::answers::List;
use super::asked::{Body, Nothing, Query};
use super::json::Json;
use super::problem::Problem;

/// How long a key stays good beside its successor where nothing else is said: a day to roll it out.
const USUAL_OVERLAP: SignedDuration = SignedDuration::from_hours(24);

/// A key that is to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// What the log and bindings call it: small letters, digits, '.', '_' and '-'.
    name: String,
    /// What it is for.
    role: Role,
    /// Patterns of the repositories that it knows of, such as docker.io/team/**; without any, all.
    #[serde(default)]
    repositories: Vec<String>,
    /// Who answers for it.
    owner: Option<String>,
    /// For how many seconds it is good; without it, until it is revoked.
    expires_in_seconds: Option<u32>,
}

/// A key that is to have a successor.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// Its name, or its access key.
    key: String,
    /// For how many seconds it stays good beside its successor; without it, a day.
    overlap_seconds: Option<u32>,
}

/// Keys that are to end: one of the two.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// The name of a key, or one access key.
    key: Option<String>,
    /// Who answers for them.
    owner: Option<String>,
}

/// A key as it is shown.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeyShown {
    access_key: String,
    name: String,
    role: Role,
    /// Patterns of its repositories; none is all of them.
    repositories: Vec<String>,
    owner: Option<String>,
    state: KeyState,
    #[schemars(with = "Instant")]
    created: Timestamp,
    #[schemars(with = "Option<Instant>")]
    expires: Option<Timestamp>,
    #[schemars(with = "Option<Instant>")]
    revoked: Option<Timestamp>,
    /// When it was used last, as far as that is known.
    #[schemars(with = "Option<Instant>")]
    last_used: Option<Timestamp>,
}

/// A key that was made, with its secret.
#[derive(Debug, Serialize, JsonSchema)]
pub struct IssuedKey {
    #[serde(flatten)]
    key: KeyShown,
    /// Told this once, and kept nowhere.
    secret_key: String,
}

/// The keys that were ended.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RevokedKeys {
    revoked: Vec<KeyShown>,
}

/// Lists access keys, the oldest first.
pub async fn list(
    State(state): State<Arc<ApiState>>,
    _: Query<Nothing>,
) -> Result<Json<List<KeyShown>>, Problem> {
    let items = keys(&state)?.list().into_iter().map(shown).collect();
    Ok(Json(List { items, next: None }))
}

/// Makes an access key.
pub async fn create(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    _: Query<Nothing>,
    Body(new): Body<NewKey>,
) -> Result<Json<IssuedKey>, Problem> {
    let wanted = WantedKey {
        name: new.name,
        owner: new.owner,
        role: new.role,
        repositories: new.repositories,
        life: new.expires_in_seconds.map(seconds),
    };
    let issued = keys(&state)?.create(wanted, &who).await;
    issued.map(told).map_err(problem)
}

/// Makes a successor to a key.
pub async fn rotate(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    _: Query<Nothing>,
    Body(rotation): Body<Rotation>,
) -> Result<Json<IssuedKey>, Problem> {
    let overlap = rotation.overlap_seconds.map_or(USUAL_OVERLAP, seconds);
    let issued = keys(&state)?.rotate(&rotation.key, overlap, &who).await;
    issued.map(told).map_err(problem)
}

/// Ends keys.
pub async fn revoke(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    _: Query<Nothing>,
    Body(revocation): Body<Revocation>,
) -> Result<Json<RevokedKeys>, Problem> {
    let which = match (revocation.key, revocation.owner) {
        (Some(key), None) => Which::Named(key),
        (None, Some(owner)) => Which::OwnedBy(owner),
        (None, None) | (Some(_), Some(_)) => {
            let detail = "say which keys are to end: key or owner, one of the two";
            return Err(Problem::bad_request(detail));
        }
    };
    let ended = keys(&state)?.revoke(&which, &who).await.map_err(problem)?;
    let revoked = ended
        .into_iter()
        .map(|key| of(key, KeyState::Revoked, None));
    Ok(Json(RevokedKeys {
        revoked: revoked.collect(),
    }))
}

fn keys(state: &ApiState) -> Result<&Keys, Problem> {
    let stopped = || Problem::unavailable("access keys are asked of a service that runs");
    state.keys.as_ref().ok_or_else(stopped)
}

fn seconds(count: u32) -> SignedDuration {
    SignedDuration::from_secs(count.into())
}

fn told(issued: Issued) -> Json<IssuedKey> {
    Json(IssuedKey {
        key: of(issued.key, KeyState::Active, None),
        secret_key: issued.secret.expose().to_owned(),
    })
}

fn shown(shown: ShownKey) -> KeyShown {
    of(shown.key, shown.state, shown.last_used)
}

fn of(key: Key, state: KeyState, last_used: Option<Timestamp>) -> KeyShown {
    KeyShown {
        access_key: key.access.to_string(),
        name: key.name,
        role: key.role,
        repositories: key.repositories,
        owner: key.owner,
        state,
        created: key.created,
        expires: key.expires,
        revoked: key.revoked,
        last_used,
    }
}

fn problem(error: ChangeError) -> Problem {
    match error {
        ChangeError::Asked(error @ KeyError::Taken(_)) => Problem::conflict(error.to_string()),
        ChangeError::Asked(error @ KeyError::Unknown(_)) => Problem::not_found(error.to_string()),
        ChangeError::Asked(error) => Problem::bad_request(error.to_string()),
        ChangeError::Store(error) => Problem::internal(error),
        ChangeError::Log(error) => Problem::internal(error),
    }
}
