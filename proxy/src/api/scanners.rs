//! Linked scanners, as admins see them: linked, listed and ended.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_engine::identity::Who;
use sluicegate_linked::book::{BookError, ScannerState, WantedScanner};
use sluicegate_linked::linked::ShownScanner;
use sluicegate_linked::roll::ChangeError;
use sluicegate_model::schema::Instant;

use super::ApiState;
use super::admission::linked;
use super::answers::List;
use super::asked::{Body, Nothing, Query};
use super::json::Json;
use super::problem::Problem;

/// A scanner that is to be linked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewScanner {
    /// What `scan_by` and the log call it: small letters, digits, '.', '_' and '-'; without it, it is
    /// given a name.
    name: Option<String>,
    /// Patterns of the repositories that it may speak of, such as registry.local/team/**; without
    /// any, all.
    #[serde(default)]
    repositories: Vec<String>,
    /// For how many seconds its linking key is good; without it, an hour.
    expires_in_seconds: Option<u32>,
}

/// A scanner that is to end.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScannerRevocation {
    /// Its name.
    scanner: String,
}

/// A linking key that was made.
#[derive(Debug, Serialize, JsonSchema)]
pub struct IssuedLink {
    /// What the scanner is called.
    name: String,
    /// Patterns of its repositories; none is all of them.
    repositories: Vec<String>,
    /// Good once; told this once, and kept nowhere.
    linking_key: String,
    /// When it ends by itself.
    #[schemars(with = "Instant")]
    expires: Timestamp,
}

/// A scanner as it is shown.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ScannerShown {
    name: String,
    state: ScannerState,
    /// Whether it has been silent for a minute: what waits for it is refused then.
    away: bool,
    /// Patterns of its repositories; none is all of them.
    repositories: Vec<String>,
    /// The version of its program.
    version: Option<String>,
    /// Why it is given no work, where it is there and is not.
    problem: Option<&'static str>,
    /// When it was there last, since the service started.
    #[schemars(with = "Option<Instant>")]
    last_seen: Option<Timestamp>,
    /// How many seconds its oldest work has waited; null where none does.
    lag_seconds: Option<u64>,
    /// How many pieces of work it has.
    leases: usize,
    /// What it is told apart by from others that had its name.
    enrolment: Option<String>,
    #[schemars(with = "Instant")]
    linked: Timestamp,
    #[schemars(with = "Option<Instant>")]
    enrolled: Option<Timestamp>,
    #[schemars(with = "Option<Instant>")]
    suspended: Option<Timestamp>,
    /// Why it is suspended.
    suspended_for: Option<String>,
    #[schemars(with = "Option<Instant>")]
    revoked: Option<Timestamp>,
}

/// The scanners that were ended.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RevokedScanners {
    /// Their names.
    revoked: Vec<String>,
}

/// Lists linked scanners, the oldest first.
pub async fn list(
    State(state): State<Arc<ApiState>>,
    _: Query<Nothing>,
) -> Result<Json<List<ScannerShown>>, Problem> {
    let linked = linked(state.linked.as_ref())?;
    let items = linked.list().into_iter().map(shown).collect();
    Ok(Json(List { items, next: None }))
}

/// Makes a linking key.
pub async fn link(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    _: Query<Nothing>,
    Body(new): Body<NewScanner>,
) -> Result<Json<IssuedLink>, Problem> {
    let life = new.expires_in_seconds;
    let wanted = WantedScanner {
        name: new.name,
        repositories: new.repositories,
        life: life.map(|seconds| SignedDuration::from_secs(seconds.into())),
    };
    let linked = linked(state.linked.as_ref())?;
    let issued = linked.roll().link(wanted, &who).await.map_err(problem)?;
    Ok(Json(IssuedLink {
        name: issued.scanner.name,
        repositories: issued.scanner.repositories,
        linking_key: issued.linking_key.expose().to_owned(),
        expires: issued.scanner.link_expires,
    }))
}

/// Ends a scanner.
pub async fn revoke(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    _: Query<Nothing>,
    Body(revocation): Body<ScannerRevocation>,
) -> Result<Json<RevokedScanners>, Problem> {
    let linked = linked(state.linked.as_ref())?;
    let ended = linked.revoke(&revocation.scanner, &who).await;
    let ended = ended.map_err(problem)?.into_iter();
    let revoked = ended.map(|scanner| scanner.name).collect();
    Ok(Json(RevokedScanners { revoked }))
}

fn shown(shown: ShownScanner) -> ScannerShown {
    let ShownScanner {
        scanner,
        state,
        standing,
    } = shown;
    let enrolment = scanner.enrolment;
    let said_at_first = enrolment.as_ref().map(|it| it.version.clone());
    let is_awaited = state == ScannerState::Enrolled;
    ScannerShown {
        name: scanner.name,
        state,
        away: is_awaited && standing.is_away,
        problem: standing.problem,
        repositories: scanner.repositories,
        version: standing.version.or(said_at_first),
        last_seen: standing.last_seen,
        lag_seconds: standing.lag.map(|lag| lag.as_secs()),
        leases: standing.leases,
        enrolled: enrolment.as_ref().map(|it| it.at),
        enrolment: enrolment.map(|it| it.id),
        linked: scanner.linked,
        suspended: scanner.suspension.as_ref().map(|it| it.at),
        suspended_for: scanner.suspension.map(|it| it.why),
        revoked: scanner.revoked,
    }
}

/// Says why the scanners stay as they are.
pub(super) fn problem(error: ChangeError) -> Problem {
    match error {
        ChangeError::Asked(error) => match error {
            BookError::NotYet => Problem::unavailable(error.to_string()),
            BookError::Taken(_) => Problem::conflict(error.to_string()),
            BookError::Unknown(_) => Problem::not_found(error.to_string()),
            BookError::WrongKey | BookError::Used | BookError::Ended => {
                Problem::unauthorized(error.to_string())
            }
            BookError::Name(_) | BookError::Pattern(_) | BookError::Life | BookError::Full => {
                Problem::bad_request(error.to_string())
            }
        },
        ChangeError::Store(error) => Problem::internal(error),
        ChangeError::Log(error) => Problem::internal(error),
    }
}
