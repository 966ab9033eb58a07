//! What linked scanners ask and answer: they are enrolled, given work, and say what they found.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_engine::identity::{Presented, Who};
use sluicegate_engine::reports::Report;
use sluicegate_linked::credential::Credential;
use sluicegate_linked::desk::TakeError;
use sluicegate_linked::leases::{LEASE, Lease, MOST_LEASES, WorkId};
use sluicegate_linked::protocol::{
    AskForPlugin, AskForWork, Enrol, Enrolled, Failed, Held, PluginSent, Renew, Taken, TakenImage,
    Work,
};
use sluicegate_linked::results::{MAX_SENT_BYTES, ResultError};
use sluicegate_linked::roll::Member;
use sluicegate_linked::task::{named, revisions};
use sluicegate_model::access::Rights;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Repository};

use super::ApiState;
use super::admission::{Presentation, linked};
use super::asked::{Body, Nothing, Query};
use super::json::Json;
use super::problem::Problem;
use super::reports;
use super::scanners::problem;
use super::upload::Upload;

/// How long a scanner waits for work at most: whatever lies between may end a request after 30 s.
const POLL: Duration = Duration::from_secs(20);
/// Why a scanner gets no work that cannot be sent plugins.
const KNOWS_NO_PLUGINS: &str = "the service has plugins or tables of names, and this scanner cannot be \
                                sent any: run the same version here and there";

/// Which work facts are the answer to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerQuery {
    /// The work of the lease.
    work: WorkId,
    /// Its fence.
    fence: u64,
    /// The layer that was looked at.
    layer: Digest,
}

/// Which work an image is the answer to; none where the scanner watches for images by itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ImageQuery {
    /// The work of the lease.
    work: Option<WorkId>,
    /// Its fence.
    fence: Option<u64>,
}

impl ImageQuery {
    fn lease(self) -> Result<Option<Lease>, Problem> {
        match (self.work, self.fence) {
            (Some(work), Some(fence)) => Ok(Some(Lease { work, fence })),
            (None, None) => Ok(None),
            (Some(_), None) | (None, Some(_)) => {
                Err(Problem::bad_request("work and fence go together"))
            }
        }
    }
}

/// Enrols a scanner by its linking key.
pub(super) async fn enrol(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    Extension(Presentation(linking_key)): Extension<Presentation>,
    Body(enrol): Body<Enrol>,
) -> Result<Json<Enrolled>, Problem> {
    let credential = Credential::parse(&enrol.credential);
    let credential = credential.map_err(|error| Problem::bad_request(error.to_string()))?;
    let roll = linked(state.linked.as_ref())?.roll();
    let member = roll.enrol(&linking_key, &credential, &enrol.version, &who);
    let member = member.await.map_err(problem)?;
    let scanners = roll.all().into_iter();
    let own = scanners.filter(|scanner| {
        let enrolment = scanner.enrolment.as_ref();
        enrolment.is_some_and(|it| it.id == member.enrolment)
    });
    Ok(Json(Enrolled {
        name: member.name,
        repositories: own.flat_map(|scanner| scanner.repositories).collect(),
    }))
}

/// Gives a scanner work, or waits for some to come.
pub(super) async fn work(
    State(state): State<Arc<ApiState>>,
    Extension(scanner): Extension<Arc<Member>>,
    _: Query<Nothing>,
    Body(asked): Body<AskForWork>,
) -> Result<Json<Work>, Problem> {
    let linked = linked(state.linked.as_ref())?;
    // Whoever has no place is given no work, and is only told which plugins read images.
    if asked.places > 0 && asked.revisions != revisions() {
        let name = &scanner.name;
        tracing::warn!(scanner = %name, version = %asked.version.escape_debug(), "a linked scanner finds other things than this service would, and gets no work");
        return Err(Problem::conflict(format!(
            "this scanner's analyzers ({}) are others than those of the service ({}, version {}): \
             run the same version here and there",
            asked.revisions.chars().take(40).collect::<String>(),
            revisions(),
            env!("CARGO_PKG_VERSION"),
        )));
    }
    let places = usize::try_from(asked.places).unwrap_or(usize::MAX);
    let (desk, most) = (linked.desk(), places.min(MOST_LEASES));
    let plugins = named(&state.judge.plugins());
    let is_unfit = !plugins.is_empty() && !asked.plugins;
    desk.see_unfit(
        &scanner,
        &asked.version,
        is_unfit.then_some(KNOWS_NO_PLUGINS),
    );
    if is_unfit {
        let name = &scanner.name;
        tracing::warn!(scanner = %name, version = %asked.version.escape_debug(), "a linked scanner cannot be sent plugins, and gets no work");
        return Err(Problem::conflict(KNOWS_NO_PLUGINS));
    }
    let given = match most {
        0 => Vec::new(),
        most => desk.work(&scanner, &asked.version, most, POLL).await,
    };
    Ok(Json(Work {
        given: given.into_iter().map(Into::into).collect(),
        lease_seconds: LEASE.as_secs(),
        plugins,
    }))
}

/// Gives a scanner a plugin that work is done by.
pub(super) async fn plugin(
    State(state): State<Arc<ApiState>>,
    Extension(scanner): Extension<Arc<Member>>,
    _: Query<Nothing>,
    Body(asked): Body<AskForPlugin>,
) -> Result<Json<PluginSent>, Problem> {
    let desk = linked(state.linked.as_ref())?.desk();
    desk.see(&scanner, None);
    let AskForPlugin { digest } = asked;
    let absent = || Problem::not_found(format!("no plugin {digest} is in force"));
    let fed = state.fed.clone().ok_or_else(absent)?;
    // Each takes some memory while it is sent.
    let _place = desk.place().await;
    let wanted = digest.clone();
    let read = tokio::task::spawn_blocking(move || fed.module(&wanted));
    let bytes = read.await.map_err(Problem::internal)?.ok_or_else(absent)?;
    let module = STANDARD.encode(bytes);
    Ok(Json(PluginSent { digest, module }))
}

/// Lets leases hold for longer.
pub(super) async fn renew(
    State(state): State<Arc<ApiState>>,
    Extension(scanner): Extension<Arc<Member>>,
    _: Query<Nothing>,
    Body(renew): Body<Renew>,
) -> Result<Json<Held>, Problem> {
    let linked = linked(state.linked.as_ref())?;
    let leases = linked.desk().renew(&scanner, &renew.leases);
    Ok(Json(Held { leases }))
}

/// Takes what a scanner found in a layer.
pub(super) async fn facts(
    State(state): State<Arc<ApiState>>,
    Extension(scanner): Extension<Arc<Member>>,
    Query(answer): Query<AnswerQuery>,
    upload: Upload,
) -> Result<Json<Taken>, Problem> {
    let desk = linked(state.linked.as_ref())?.desk();
    let lease = Lease {
        work: answer.work,
        fence: answer.fence,
    };
    // Before anything is read of what nobody waits for.
    let layer = &answer.layer;
    desk.expects(&scanner, &lease, layer).map_err(not_taken)?;
    let _place = desk.place().await;
    let sent = upload.read(MAX_SENT_BYTES).await?;
    let taken = desk.take_facts(&scanner, &lease, layer, sent).await;
    taken.map_err(|error| {
        let (name, why) = (&scanner.name, error.to_string());
        tracing::warn!(scanner = %name, %layer, why, "what a linked scanner said of a layer is not taken");
        not_taken(error)
    })?;
    Ok(Json(Taken { lease }))
}

/// Takes the word of a scanner that it cannot do what it was given.
pub(super) async fn failed(
    State(state): State<Arc<ApiState>>,
    Extension(scanner): Extension<Arc<Member>>,
    _: Query<Nothing>,
    Body(failed): Body<Failed>,
) -> Result<Json<Taken>, Problem> {
    let desk = linked(state.linked.as_ref())?.desk();
    let Failed { lease, why } = failed;
    let taken = desk.take_failure(&scanner, &lease, &why);
    taken.map_err(not_taken)?;
    Ok(Json(Taken { lease }))
}

/// Takes what a scanner says an image holds, and judges it.
pub(super) async fn image(
    State(state): State<Arc<ApiState>>,
    Extension(scanner): Extension<Arc<Member>>,
    Query(asked): Query<ImageQuery>,
    upload: Upload,
) -> Result<Json<TakenImage>, Problem> {
    let desk = linked(state.linked.as_ref())?.desk();
    desk.see(&scanner, None);
    let lease = asked.lease()?;
    let (report, _share) = reports::read(&state, upload).await?;
    let repository: Repository = report
        .repository
        .parse()
        .map_err(|error| Problem::bad_request(format!("{error}")))?;
    may_tell_of(&state, &scanner, &repository)?;
    if let Some(lease) = &lease {
        let expected = desk.expects_image(&scanner, lease, &repository);
        expected.map_err(not_taken)?;
    }
    made_by_the_same(&state, &report)?;
    let digest = report.digest.clone();
    let decision = judged(&state, &scanner, report, &repository).await?;
    if let Some(lease) = &lease {
        let taken = desk.take_judged(&scanner, lease, (digest.clone(), decision));
        taken.map_err(not_taken)?;
    }
    tracing::info!(scanner = %scanner.name, %repository, %digest, %decision, "a linked scanner told of an image");
    Ok(Json(TakenImage { digest, decision }))
}

/// Tells whether a scanner may say what images of a repository hold, or says why not.
pub(super) fn may_tell_of(
    state: &ApiState,
    scanner: &Member,
    repository: &Repository,
) -> Result<(), Problem> {
    if !scanner.reach.has(repository) {
        let name = &scanner.name;
        let detail = format!("{repository} is none of the repositories of scanner {name:?}");
        return Err(Problem::forbidden(detail));
    }
    if state.upstreams.client(repository).is_some() {
        return Err(Problem::forbidden(format!(
            "{repository} is pulled through this service, which looks at each image that is pulled: \
             scan_by says by whom"
        )));
    }
    Ok(())
}

/// Tells whether what is said of an image was found by the plugins in force, where there are any.
fn made_by_the_same(state: &ApiState, report: &Report) -> Result<(), Problem> {
    let plugins = state.judge.plugins();
    if plugins.set().is_built_in() || report.is_made_by(&plugins) {
        return Ok(());
    }
    let why = "this was found by other plugins than those in force: ask for them and look again";
    Err(Problem::conflict(why))
}

/// Keeps what a scanner says under its word; gives what policy says of it.
async fn judged(
    state: &ApiState,
    scanner: &Member,
    report: Report,
    repository: &Repository,
) -> Result<Decision, Problem> {
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let everybody = Presented::from_address(here).by(None, Rights::everywhere(&[]));
    let domain = scanner.domain.clone();
    let taken = state
        .reports
        .take_from(domain, report, repository, &everybody);
    let verdict = taken.await.map_err(reports::not_taken)?;
    Ok(verdict.decision)
}

fn not_taken(error: TakeError) -> Problem {
    match error {
        TakeError::NotHeld | TakeError::OtherKind | TakeError::OtherLayer { .. } => {
            Problem::conflict(error.to_string())
        }
        TakeError::Result(ResultError::TooLong | ResultError::TooHeavy { .. }) => {
            Problem::too_large(error.to_string())
        }
        TakeError::Result(_) => Problem::bad_request(error.to_string()),
        TakeError::Stopping => Problem::unavailable(error.to_string()),
    }
}
