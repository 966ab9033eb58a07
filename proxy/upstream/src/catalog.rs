//! The repositories of a registry, page by page, where it lists them.
//!
//! Source: Distribution's API, "Listing Repositories"; no part of the specification, so that many
//! registries have none.

use http::{HeaderMap, Method};
use serde::Deserialize;
use sluicegate_model::image::is_repository_path;

use super::error::UpstreamError;
use super::link::next_page;
use super::retry::patiently;
use super::session::Ask;
use super::{Upstream, protocol};
use crate::secrets;

/// Largest answer of one page, in bytes: some hundred thousand names.
const MAX_LIST_BYTES: usize = 16 * 1024 * 1024;
/// Most repositories of a registry.
const MAX_REPOSITORIES: usize = 100_000;
/// Repositories asked for at a time; registries may send fewer.
const PAGE: &str = "n=1000";

#[derive(Deserialize)]
struct CatalogAnswer {
    repositories: Option<Vec<String>>,
}

/// One page of names, and the query of the next.
struct Page {
    names: Vec<String>,
    next: Option<String>,
}

impl Upstream {
    /// Lists the paths of all repositories, in the registry's order and without repeats.
    ///
    /// *Errors*: a registry that lists none, or more than 100,000.
    pub async fn repositories(&self) -> Result<Vec<String>, UpstreamError> {
        let what = format!("repositories of {}", self.name());
        let mut seen = std::collections::HashSet::new();
        let mut names: Vec<String> = Vec::new();
        let mut query = PAGE.to_owned();
        loop {
            let page = self.catalog_page(&what, &query).await?;
            let before = names.len();
            let fresh = page.names.into_iter();
            names.extend(fresh.filter(|name| seen.insert(name.clone())));
            if names.len() > MAX_REPOSITORIES {
                let reason = format!("it lists more than {MAX_REPOSITORIES} repositories");
                return Err(protocol(&what, reason));
            }
            match page.next {
                // A page without anything new would be asked for for ever.
                Some(next) if names.len() > before => query = next,
                _ => return Ok(names),
            }
        }
    }

    async fn catalog_page(&self, what: &str, query: &str) -> Result<Page, UpstreamError> {
        let mut url = self.base.clone();
        let prefix = self.base.path().trim_end_matches('/');
        url.set_path(&format!("{prefix}/v2/_catalog"));
        url.set_query(Some(query));
        let ask = Ask {
            what: what.to_owned(),
            method: Method::GET,
            url,
            path: String::new(),
            headers: HeaderMap::new(),
        };
        let _place = self.list_place().await;
        patiently(|| async {
            let (headers, bytes) = self.small_answer(&ask, MAX_LIST_BYTES).await?;
            let answer: CatalogAnswer = serde_json::from_slice(&bytes).map_err(|error| {
                protocol(what, format!("it is no list of repositories: {error}"))
            })?;
            let next = next_page(&headers).map_err(|reason| protocol(what, reason.to_owned()))?;
            let next = next.map(|pairs| {
                let mut query = url::form_urlencoded::Serializer::new(String::new());
                query.extend_pairs(pairs).finish()
            });
            let names = answer.repositories.unwrap_or_default().into_iter();
            let is_one = |name: &String| is_repository_path(name) && !secrets::betrays(name);
            Ok(Page {
                names: names.filter(is_one).collect(),
                next,
            })
        })
        .await
    }
}
