//! The tags of a repository, page by page: names that can be asked for, and nothing else of what
//! the upstream sends.

use http::Method;
use serde::Deserialize;
use sluicegate_model::Tag;
use sluicegate_model::registry::TagPage;

use super::error::UpstreamError;
use super::link::next_page;
use super::retry::patiently;
use super::{Upstream, protocol};
use crate::secrets;

/// Largest answer of a list of tags, in bytes. Registries that ignore `n` send all at once: 80,000
/// tags are about 5 MiB.
const MAX_LIST_BYTES: usize = 16 * 1024 * 1024;
/// Most tags of one answer, and of one repository; the largest public repositories have some ten
/// thousand.
const MAX_TAGS: usize = 500_000;
/// Tags asked for at a time; registries may send fewer.
const PAGE: &str = "n=1000";

#[derive(Deserialize)]
struct TagsAnswer {
    /// Read only to tell a list from another document.
    name: Option<serde::de::IgnoredAny>,
    tags: Option<Vec<Option<String>>>,
}

impl Upstream {
    /// Lists tags; `query` is the client's, such as `n=100&last=x`.
    ///
    /// *Errors*: an answer that is no list of tags or has more than 500,000.
    pub async fn tags(&self, path: &str, query: &str) -> Result<TagPage, UpstreamError> {
        let mut ask = self.ask(Method::GET, path, "tags", "tags", "list")?;
        ask.url.set_query((!query.is_empty()).then_some(query));
        let _place = self.list_place().await;
        patiently(|| async {
            let (headers, bytes) = self.small_answer(&ask, MAX_LIST_BYTES).await?;
            let answer: TagsAnswer = serde_json::from_slice(&bytes)
                .map_err(|error| protocol(&ask.what, format!("it is no list of tags: {error}")))?;
            let tags = match (answer.tags, answer.name) {
                (Some(tags), _) => tags,
                // `null` and "absent" are how some registries write an empty list.
                (None, Some(_)) => Vec::new(),
                (None, None) => {
                    return Err(protocol(&ask.what, "it is no list of tags".to_owned()));
                }
            };
            if tags.len() > MAX_TAGS {
                let reason = format!("it lists more than {MAX_TAGS} tags");
                return Err(protocol(&ask.what, reason));
            }
            let next =
                next_page(&headers).map_err(|reason| protocol(&ask.what, reason.to_owned()))?;
            let tags = tags.iter().flatten().filter(|text| !secrets::betrays(text));
            let tags = tags.filter_map(|text| text.parse().ok()).collect();
            Ok(TagPage { tags, next })
        })
        .await
    }

    /// Lists the tags of a repository, in the upstream's order and without repeats.
    ///
    /// Source: distribution-spec, "Listing Tags".
    pub async fn all_tags(&self, path: &str) -> Result<Vec<Tag>, UpstreamError> {
        let what = format!("tags of {path} of {}", self.name());
        let mut query = PAGE.to_owned();
        let mut tags: Vec<Tag> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        loop {
            let page = self.tags(path, &query).await?;
            let before = tags.len();
            let fresh = page.tags.into_iter();
            tags.extend(fresh.filter(|tag| seen.insert(tag.clone())));
            if tags.len() > MAX_TAGS {
                let reason = format!("it lists more than {MAX_TAGS} tags");
                return Err(protocol(&what, reason));
            }
            match page.next {
                // A page without anything new would be asked for for ever.
                Some(next) if tags.len() > before => {
                    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
                    query = pairs.extend_pairs(next).finish();
                }
                _ => return Ok(tags),
            }
        }
    }
}
