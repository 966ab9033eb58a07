//! Which images hold a package: over every stored inventory, with or without a finding.

use std::str::FromStr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use sluicegate_engine::identity::Who;
use sluicegate_engine::ledger::term::names_of;
use sluicegate_engine::ledger::{LedgerError, Summary};
use sluicegate_model::access::Reach;
use sluicegate_model::package::{Component, Ecosystem};
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Repository, Sighting, Tag};

use super::ApiState;
use super::asked::{Query, from_text};
use super::json::Json;
use super::parameters::{Limit, NoCursor};
use super::problem::Problem;
use super::verdicts::unlisted;

/// Most inventories read for one page, each some milliseconds: past it the page ends early.
const MAX_READ: usize = 1_000;

/// What is searched.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchQuery {
    /// Name of the installed package, or of what it was built from, in any letter case.
    #[schemars(length(min = 1))]
    name: String,
    /// Version, as it is installed.
    version: Option<String>,
    /// Items of a page.
    #[serde(default)]
    limit: Limit,
    /// The cursor `next` of the page before.
    #[schemars(with = "Option<String>")]
    after: Option<Cursor>,
}

/// Lists where a package is installed, image by image.
pub async fn list(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    Query(query): Query<SearchQuery>,
) -> Result<Json<Holders>, Problem> {
    if query.name.is_empty() {
        return Err(Problem::bad_parameter("name", "parameter name is empty"));
    }
    let incomplete = match query.after {
        // What no page can say of them, the first one does.
        None => state.ledger.unlisted().await.map_err(unlisted)?,
        Some(_) => 0,
    };
    let reach = who.rights.reach().clone();
    if incomplete > 0 && !reach.is_everything() {
        // How many there are of others is nobody's business, and nobody knows whose they are.
        return Err(unlisted(LedgerError::NotIndexed));
    }
    let mut search = Search {
        name: query.name,
        version: query.version,
        reach,
        limit: query.limit.0,
        place: query.after.unwrap_or_default(),
        items: Vec::new(),
        incomplete,
    };
    let is_last = search.run(&state).await?;
    let next = (!is_last).then(|| search.place.to_text());
    Ok(Json(Holders {
        items: search.items,
        next,
        incomplete: search.incomplete,
    }))
}

/// A page of the places where a package is installed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Holders {
    items: Vec<Holder>,
    next: Option<String>,
    /// Images of the page that may hold the package and whose inventory is no longer kept.
    incomplete: u64,
}

/// A place where a package is installed.
#[derive(Debug, Serialize, JsonSchema)]
struct Holder {
    name: String,
    version: String,
    purl: String,
    ecosystem: Option<Ecosystem>,
    /// What it was built from, where that is called otherwise.
    source: Option<String>,
    /// The file that proves it, without a leading slash.
    path: String,
    layer: Digest,
    digest: Digest,
    repository: Repository,
    tags: Vec<Tag>,
    decision: Decision,
    /// The path of the verdict.
    verdict: String,
}

/// Where a page begins: with an image, after some items of it.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    image: u32,
    items: usize,
}

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let wrong = || NoCursor(text.chars().take(80).collect());
        let (image, items) = text.split_once('.').ok_or_else(wrong)?;
        Ok(Self {
            image: u32::from_str_radix(image, 16).map_err(|_| wrong())?,
            items: items.parse().map_err(|_| wrong())?,
        })
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl Cursor {
    fn to_text(self) -> String {
        format!("{:x}.{}", self.image, self.items)
    }
}

struct Search {
    name: String,
    version: Option<String>,
    /// The repositories that whoever asks knows of.
    reach: Reach,
    limit: usize,
    place: Cursor,
    items: Vec<Holder>,
    /// Images that may hold it and whose inventory is gone.
    incomplete: u64,
}

impl Search {
    /// Fills the page; tells whether it is the last one.
    async fn run(&mut self, state: &ApiState) -> Result<bool, Problem> {
        let ledger = &state.ledger;
        let (version, from) = (self.version.as_deref(), self.place.image);
        // Each image has an item at least, and one more tells whether there is another page.
        let most = self.limit.min(MAX_READ).saturating_add(1);
        let holders = ledger.images_with(&self.name, version, from, most).await;
        let holders = holders.map_err(unlisted)?;
        for (read, holder) in holders.iter().enumerate() {
            if holder.number != self.place.image {
                self.place = Cursor {
                    image: holder.number,
                    items: 0,
                };
            }
            if read >= MAX_READ || !self.tell(state, &holder.image).await? {
                return Ok(false);
            }
        }
        match holders.last() {
            Some(last) if holders.len() >= most => {
                self.place = Cursor {
                    image: last.number.saturating_add(1),
                    items: 0,
                };
                Ok(false)
            }
            _ => Ok(true),
        }
    }

    /// Adds the items of one image, of each repository in which it was judged; tells whether there
    /// was room for all of them.
    async fn tell(&mut self, state: &ApiState, image: &Sighting) -> Result<bool, Problem> {
        if self.items.len() >= self.limit {
            return Ok(false);
        }
        let verdicts = state.ledger.summaries_of(&image.digest).await;
        let mut verdicts = verdicts.map_err(Problem::internal)?;
        verdicts.retain(|it| it.domain == image.domain && self.reach.has(&it.repository));
        if verdicts.is_empty() {
            return Ok(true);
        }
        let Some(scanned) = state.judge.scanned(image).await else {
            self.incomplete = self.incomplete.saturating_add(1);
            return Ok(true);
        };
        let index = &state.feeds.current().index;
        let inventory = sluicegate_scanner::with_archives_named(&scanned.inventory, index);
        let components = inventory.components.iter();
        let found: Vec<&Component> = components.filter(|found| self.wants(found)).collect();
        let items = verdicts
            .iter()
            .flat_map(|verdict| found.iter().map(move |component| (verdict, *component)));
        for (verdict, component) in items.skip(self.place.items) {
            if self.items.len() >= self.limit {
                return Ok(false);
            }
            self.items.push(item(component, verdict));
            self.place.items = self.place.items.saturating_add(1);
        }
        Ok(true)
    }

    fn wants(&self, component: &Component) -> bool {
        let package = &component.package;
        let version = self.version.as_ref();
        names_of(package).any(|name| name.eq_ignore_ascii_case(&self.name))
            && version.is_none_or(|version| *version == package.version)
    }
}

fn item(component: &Component, verdict: &Summary) -> Holder {
    let package = &component.package;
    let (digest, repository) = (&verdict.digest, &verdict.repository);
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("repository", &repository.to_string())
        .finish();
    Holder {
        name: package.name.clone(),
        version: package.version.clone(),
        purl: component.purl.clone(),
        ecosystem: component.ecosystem.clone(),
        source: package.source.as_ref().map(|source| source.name.clone()),
        path: component.path.clone(),
        layer: component.layer.clone(),
        digest: digest.clone(),
        repository: repository.clone(),
        tags: verdict.tags.clone(),
        decision: verdict.decision,
        verdict: format!("/api/v1/verdicts/{digest}?{query}"),
    }
}
