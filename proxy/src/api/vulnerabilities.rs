//! One weakness over all images: which have or had it, since when, who pulled them, who allowed it.

use std::str::FromStr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use sluicegate_engine::identity::Who;
use sluicegate_engine::ledger::{
    InPackage, Pulled, PulledOnce, PullingClient, RecordFilter, Recorded, Summary,
};
use sluicegate_model::access::Permission;
use sluicegate_model::schema::Instant;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Repository, Tag};

use super::ApiState;
use super::allowed::{AllowedBy, Allowing};
use super::asked::{Path, Query};
use super::json::Json;
use super::parameters::{Limit, RepositoryName, Sequence, repository};
use super::problem::Problem;
use super::verdicts::unlisted;

/// Longest id, in characters.
const MAX_ID_CHARS: usize = 100;
/// Images of which verdicts are read at once.
const MAX_AT_ONCE: usize = 16;

/// The id of a weakness, as anybody calls it.
#[derive(Clone, Debug)]
pub struct WeaknessId(String);

/// Says that a text is no id.
#[derive(Debug, thiserror::Error)]
#[error("wanted an id of 1 to {MAX_ID_CHARS} characters, such as CVE-2021-44228")]
pub struct NoWeaknessId;

impl FromStr for WeaknessId {
    type Err = NoWeaknessId;

    fn from_str(text: &str) -> Result<Self, NoWeaknessId> {
        let is_id = (1..=MAX_ID_CHARS).contains(&text.chars().count());
        is_id.then(|| Self(text.to_owned())).ok_or(NoWeaknessId)
    }
}

impl JsonSchema for WeaknessId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "WeaknessId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 1, "maxLength": MAX_ID_CHARS,
            "description": "CVE or other id, alias or record, in any letter case."})
    }
}

/// The filters of the images.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowQuery {
    /// Repository, as it is pulled or by its canonical name, such as docker.io/library/nginx.
    repository: Option<RepositoryName>,
    /// Those that have it, or those that had it.
    state: Option<Presence>,
    /// Items of a page.
    #[serde(default)]
    limit: Limit,
    /// The cursor `next` of the page before.
    after: Option<Sequence>,
}

/// Whether an image has a weakness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Presence {
    /// It has it.
    Present,
    /// It had it.
    Withdrawn,
}

/// A weakness, and a page of the images that have or had it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Vulnerability")]
pub struct Shown {
    /// As it was asked for.
    id: String,
    /// How many images have it, on all pages.
    have: u64,
    /// How many had it and have it no more.
    had: u64,
    /// Those that were judged last at the beginning.
    items: Vec<Image>,
    next: Option<String>,
}

/// An image that has or had a weakness.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VulnerableImage")]
struct Image {
    repository: Repository,
    digest: Digest,
    /// Tags under which it was pulled.
    tags: Vec<Tag>,
    /// `os/architecture[/variant]`.
    platform: Option<String>,
    /// Whose word it is what the image holds, where it was not looked at here.
    #[serde(skip_serializing_if = "Option::is_none")]
    reported_by: Option<String>,
    state: Presence,
    /// The packages that have it; where none has, those that had it last.
    packages: Vec<Package>,
    /// When a verdict first had it.
    #[schemars(with = "Instant")]
    first_seen: Timestamp,
    /// When it was last judged to have it; where it has it no more, when that was found.
    #[schemars(with = "Instant")]
    last_seen: Timestamp,
    /// When the verdict that had it was replaced by one that has not.
    #[schemars(with = "Option<Instant>")]
    withdrawn_at: Option<Timestamp>,
    /// What is decided on the image at this moment; null where it is judged no more.
    decision: Option<Decision>,
    /// What that decision rests on, those on this weakness first.
    allowed_by: Vec<AllowedBy>,
    /// Who pulled it, by the decision log; null where nobody asked for it, absent for those who may
    /// not read the log.
    #[serde(skip_serializing_if = "WhoPulled::is_not_told")]
    #[schemars(with = "Option<PulledShown>")]
    pulled: WhoPulled,
    /// The path of the verdict.
    verdict: Option<String>,
}

/// A package that has a weakness.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VulnerablePackage")]
struct Package {
    name: String,
    version: String,
}

/// Who pulled an image, where that may be told.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum WhoPulled {
    NotTold,
    Told(Option<Box<PulledShown>>),
}

/// Who pulled an image, or an index that lists it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Pulled")]
struct PulledShown {
    /// The first pull that was given; null where all were refused.
    first: Option<PullShown>,
    last: Option<PullShown>,
    /// How many were given.
    pulls: u64,
    /// How many were refused, also where another image was given in its place.
    refused: u64,
    /// Those to whom it was given, who pulled last first; 20 at most.
    clients: Vec<ClientShown>,
    /// How many others there are, up to some hundreds.
    others: u64,
}

/// One pull.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PulledOnce")]
struct PullShown {
    #[schemars(with = "Instant")]
    time: Timestamp,
    client: String,
    principal: Option<String>,
    user_agent: Option<String>,
}

/// A client that was given an image.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PullingClient")]
struct ClientShown {
    client: String,
    principal: Option<String>,
    pulls: u64,
    #[schemars(with = "Instant")]
    last: Timestamp,
}

/// Shows which images have or had a weakness, one page of them.
pub async fn show(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    Path(WeaknessId(id)): Path<WeaknessId>,
    Query(query): Query<ShowQuery>,
) -> Result<Json<Shown>, Problem> {
    let filter = RecordFilter {
        reach: who.rights.reach().clone(),
        weakness: id.clone(),
        repository: repository(query.repository.as_ref(), &state)?,
        is_there: query.state.map(|state| state == Presence::Present),
    };
    // Behind the largest number is what is behind any above it.
    let number = |Sequence(after)| u32::try_from(after).unwrap_or(u32::MAX);
    let (limit, after) = (query.limit.0, query.after.map(number));
    let page = state.ledger.recorded(&filter, limit, after);
    let page = page.await.map_err(unlisted)?;
    let found = stream::iter(page.items).map(|it| judged(&state, it));
    let found: Vec<Found> = found.buffered(MAX_AT_ONCE).try_collect().await?;
    // What is said beside verdicts is in the log and in policies.
    let reads_log = who.rights.allow(Permission::ReadService);
    let (allowing, mut pulled) = if reads_log {
        let allowing = allowing(&state, &found).await?;
        let images = found.iter().map(|it| &it.recorded.image);
        let images: Vec<_> = images
            .map(|it| (it.repository.clone(), it.digest.clone()))
            .collect();
        let pulled = state.ledger.pulled(&images).await.map_err(unlisted)?;
        (allowing, pulled.into_iter())
    } else {
        (Allowing::default(), Vec::new().into_iter())
    };
    let items = found.into_iter().map(|found| {
        let pulled = match (pulled.next(), reads_log) {
            (pulled, true) => WhoPulled::Told(pulled.flatten().map(PulledShown::of).map(Box::new)),
            (_, false) => WhoPulled::NotTold,
        };
        found.shown(&id, &allowing, pulled)
    });
    Ok(Json(Shown {
        items: items.collect(),
        next: page.next.map(|next| next.to_string()),
        id,
        have: page.have,
        had: page.had,
    }))
}

/// A recorded image, and what is decided on it at this moment.
struct Found {
    recorded: Recorded,
    verdict: Option<Summary>,
}

/// Looks up what is decided on an image for everybody; the record tells domains as people see them.
async fn judged(state: &ApiState, recorded: Recorded) -> Result<Found, Problem> {
    let image = &recorded.image;
    let verdicts = state.ledger.summaries_of(&image.digest).await;
    let mut verdicts = verdicts.map_err(Problem::internal)?;
    verdicts.retain(|it| {
        it.repository == image.repository
            && it.audience.is_everybody()
            && it.domain.shown() == image.domain.shown()
    });
    let newest = |it: &Summary| it.provenance.decided_at;
    let verdict = verdicts.into_iter().max_by_key(newest);
    Ok(Found { recorded, verdict })
}

/// Reads who allowed what, beside whoever waits for other things.
async fn allowing(state: &Arc<ApiState>, found: &[Found]) -> Result<Allowing, Problem> {
    let verdicts = found.iter().filter_map(|it| it.verdict.as_ref());
    let verdicts = verdicts.filter(|it| !it.allowed_by.is_empty()).cloned();
    let verdicts: Vec<Summary> = verdicts.collect();
    if verdicts.is_empty() {
        return Ok(Allowing::default());
    }
    let waivers = state.ledger.waivers().await.map_err(Problem::internal)?;
    let state = Arc::clone(state);
    let read = move || state.allowances.of(verdicts.iter(), waivers);
    let read = tokio::task::spawn_blocking(read).await;
    read.map_err(Problem::internal)?.map_err(Problem::internal)
}

impl Found {
    fn shown(self, weakness: &str, allowing: &Allowing, pulled: WhoPulled) -> Image {
        let Recorded {
            image,
            packages,
            first_seen,
            withdrawn,
            ..
        } = self.recorded;
        let verdict = self.verdict.as_ref();
        let decided_at = verdict.map(|it| it.provenance.decided_at);
        let path = verdict.map(|_| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.append_pair("repository", image.repository.as_str());
            if let Some(name) = image.domain.shown() {
                query.append_pair("reported_by", &name);
            }
            format!("/api/v1/verdicts/{}?{}", image.digest, query.finish())
        });
        Image {
            tags: verdict.map(|it| it.tags.clone()).unwrap_or_default(),
            platform: verdict.map(|it| it.platform.clone()),
            reported_by: image.domain.shown(),
            state: match withdrawn {
                None => Presence::Present,
                Some(_) => Presence::Withdrawn,
            },
            packages: packages.into_iter().map(Package::of).collect(),
            first_seen,
            last_seen: withdrawn.or(decided_at).unwrap_or(first_seen),
            withdrawn_at: withdrawn,
            decision: verdict.map(|it| it.decision),
            allowed_by: verdict
                .map(|it| allowing.told(it, weakness))
                .unwrap_or_default(),
            pulled,
            verdict: path,
            repository: image.repository,
            digest: image.digest,
        }
    }
}

impl WhoPulled {
    fn is_not_told(&self) -> bool {
        matches!(self, Self::NotTold)
    }
}

impl Package {
    fn of(package: InPackage) -> Self {
        let InPackage { name, version } = package;
        Self { name, version }
    }
}

impl PulledShown {
    fn of(pulled: Pulled) -> Self {
        Self {
            first: pulled.first.map(PullShown::of),
            last: pulled.last.map(PullShown::of),
            pulls: pulled.pulls,
            refused: pulled.refused,
            clients: pulled.clients.into_iter().map(ClientShown::of).collect(),
            others: pulled.others,
        }
    }
}

impl PullShown {
    fn of(once: PulledOnce) -> Self {
        Self {
            time: once.time,
            client: once.client,
            principal: once.principal,
            user_agent: once.user_agent,
        }
    }
}

impl ClientShown {
    fn of(client: PullingClient) -> Self {
        Self {
            client: client.client,
            principal: client.principal,
            pulls: client.pulls,
            last: client.last,
        }
    }
}
