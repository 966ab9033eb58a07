//! Which images hold a package: over every stored inventory, with or without a finding.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use sluicegate_model::Digest;
use sluicegate_model::package::Component;
use sluicegate_model::verdict::Verdict;

use super::ApiState;
use super::asked::{Query, from_text};
use super::json::Json;
use super::parameters::{Limit, NoCursor};
use super::problem::Problem;
use crate::pull::judge::Judge;
use crate::verdicts::{Judged, Key, Records, names_of};

/// Most inventories read for one page, each some milliseconds: past it the page ends early.
const MAX_READ: usize = 1_000;
/// Verdicts looked at together.
const AT_ONCE: usize = 256;

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
    after: Option<Place>,
}

/// Lists where a package is installed, by the digests of the images.
pub async fn list(
    State(state): State<Arc<ApiState>>,
    Query(query): Query<SearchQuery>,
) -> Result<Json<Value>, Problem> {
    if query.name.is_empty() {
        return Err(Problem::bad_request("parameter name is empty"));
    }
    let mut search = Search {
        name: query.name,
        version: query.version,
        limit: query.limit.0,
        place: query.after.unwrap_or_default(),
        read: 0,
        items: Vec::new(),
        incomplete: 0,
    };
    let is_last = search.run(&state.records, &state.gate.judge).await?;
    let next = (!is_last).then(|| search.place.to_text());
    Ok(Json(json!({
        "items": search.items,
        "next": next,
        "incomplete": search.incomplete,
    })))
}

/// Where a page ends: after a verdict, and some items of the one after it.
#[derive(Debug, Default)]
struct Place {
    verdict: Option<Key>,
    items: usize,
}

impl FromStr for Place {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let wrong = || NoCursor(text.chars().take(80).collect());
        let (verdict, items) = text.split_once('.').ok_or_else(wrong)?;
        let verdict = hex::decode(verdict).map_err(|_| wrong())?;
        Ok(Self {
            verdict: (!verdict.is_empty()).then(|| Key(verdict.into())),
            items: items.parse().map_err(|_| wrong())?,
        })
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl Place {
    fn to_text(&self) -> String {
        let verdict = self.verdict.as_ref().map(|key| hex::encode(key.as_bytes()));
        format!("{}.{}", verdict.unwrap_or_default(), self.items)
    }
}

struct Search {
    name: String,
    version: Option<String>,
    limit: usize,
    place: Place,
    /// Inventories asked for.
    read: usize,
    items: Vec<Value>,
    /// Images that may hold it and whose inventory is gone.
    incomplete: u64,
}

/// The image that was looked at last: it may have been judged in several repositories.
#[derive(Default)]
struct Image {
    digest: Option<Digest>,
    /// Where the package is in it; nothing where its inventory is gone.
    found: Vec<Component>,
}

impl Search {
    /// Fills the page; tells whether it is the last one.
    async fn run(&mut self, records: &Records, judge: &Judge) -> Result<bool, Problem> {
        let mut image = Image::default();
        loop {
            let after = self.place.verdict.as_ref();
            let page = records.judged(after, AT_ONCE).await;
            let page = page.map_err(Problem::internal)?;
            let without = records.images_without(&page.items, &self.name).await;
            let without = without.map_err(Problem::internal)?;
            for judged in page.items {
                if !without.contains(&judged.digest)
                    && !self.tell(records, judge, &judged, &mut image).await?
                {
                    return Ok(false);
                }
                self.place = Place {
                    verdict: Some(judged.key),
                    items: 0,
                };
            }
            self.place.verdict = page.next;
            if self.place.verdict.is_none() {
                return Ok(true);
            }
        }
    }

    /// Adds the items of one verdict; tells whether there was room for all of them.
    async fn tell(
        &mut self,
        records: &Records,
        judge: &Judge,
        judged: &Judged,
        image: &mut Image,
    ) -> Result<bool, Problem> {
        if image.digest.as_ref() != Some(&judged.digest) {
            if self.read >= MAX_READ {
                return Ok(false);
            }
            *image = self.look_into(judge, &judged.digest).await;
        }
        if image.found.is_empty() {
            return Ok(true);
        }
        let bytes = records.verdict_bytes(&judged.repository, &judged.digest);
        let bytes = bytes.await.map_err(Problem::internal)?.unwrap_or(0);
        let _share = judge.view_of(bytes).await;
        let verdict = records.verdict(&judged.repository, &judged.digest).await;
        // Damaged: it counts as not judged.
        let Some(verdict) = verdict.map_err(Problem::internal)? else {
            return Ok(true);
        };
        for component in image.found.iter().skip(self.place.items) {
            if self.items.len() >= self.limit {
                return Ok(false);
            }
            self.items.push(item(component, &verdict));
            self.place.items = self.place.items.saturating_add(1);
        }
        Ok(true)
    }

    async fn look_into(&mut self, judge: &Judge, digest: &Digest) -> Image {
        self.read = self.read.saturating_add(1);
        let scanned = judge.scanned(digest).await;
        if scanned.is_none() {
            self.incomplete = self.incomplete.saturating_add(1);
        }
        let components = scanned
            .iter()
            .flat_map(|scanned| &scanned.inventory.components);
        Image {
            digest: Some(digest.clone()),
            found: components
                .filter(|component| self.wants(component))
                .cloned()
                .collect(),
        }
    }

    fn wants(&self, component: &Component) -> bool {
        let package = &component.package;
        let version = self.version.as_ref();
        names_of(package).any(|name| name.eq_ignore_ascii_case(&self.name))
            && version.is_none_or(|version| *version == package.version)
    }
}

fn item(component: &Component, verdict: &Verdict) -> Value {
    let package = &component.package;
    let (digest, repository) = (&verdict.digest, verdict.repository.to_string());
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("repository", &repository)
        .finish();
    json!({
        "name": package.name,
        "version": package.version,
        "purl": component.purl,
        "ecosystem": component.ecosystem,
        "source": package.source.as_ref().map(|source| &source.name),
        "path": component.path,
        "layer": component.layer,
        "digest": digest,
        "repository": repository,
        "tags": verdict.tags,
        "decision": verdict.decision,
        "verdict": format!("/api/v1/verdicts/{digest}?{query}"),
    })
}
