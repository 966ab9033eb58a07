//! Every tag of a repository, page by page.

use http::header;
use serde::Deserialize;
use sluicegate_model::Tag;

use super::error::UpstreamError;
use super::{Upstream, protocol};

/// Most tags listed: the largest public repositories have some ten thousand.
const MAX_TAGS: usize = 100_000;
/// Tags asked for at a time; registries may send fewer.
const PAGE: &str = "n=1000";

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

impl Upstream {
    /// Lists the tags of a repository, in the upstream's order and without repeats.
    ///
    /// Source: distribution-spec, "Listing Tags".
    pub async fn all_tags(&self, path: &str) -> Result<Vec<Tag>, UpstreamError> {
        let what = format!("tags of {path} of {}", self.name());
        let mut query = PAGE.to_owned();
        let mut tags: Vec<Tag> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        loop {
            let answer = self.tags(path, &query).await?;
            let page: Page = serde_json::from_slice(&answer.bytes)
                .map_err(|error| protocol(&what, format!("it is no list of tags: {error}")))?;
            let before = tags.len();
            for text in page.tags.unwrap_or_default() {
                // What breaks the grammar cannot be asked for.
                if let Ok(tag) = text.parse::<Tag>()
                    && seen.insert(tag.clone())
                {
                    tags.push(tag);
                }
            }
            if tags.len() > MAX_TAGS {
                return Err(protocol(&what, format!("there are more than {MAX_TAGS}")));
            }
            let link = answer.headers.get(header::LINK);
            match link.and_then(|link| next_query(link.to_str().ok()?)) {
                // A page without anything new would be asked for for ever.
                Some(next) if tags.len() > before => query = next,
                _ => return Ok(tags),
            }
        }
    }
}

/// Gives the query of the next page: `</v2/x/tags/list?n=2&last=b>; rel="next"`.
fn next_query(link: &str) -> Option<String> {
    let (_, rest) = link.split_once('<')?;
    let (url, attributes) = rest.split_once('>')?;
    let (_, query) = url.split_once('?')?;
    attributes.contains("next").then(|| query.to_owned())
}

#[cfg(test)]
mod tests {
    use super::next_query;

    #[test]
    fn the_next_page_is_where_the_link_says() {
        let link = "</v2/lib/x/tags/list?last=b&n=2>; rel=\"next\"";
        assert_eq!(next_query(link).as_deref(), Some("last=b&n=2"));
        assert_eq!(next_query("</v2/lib/x/tags/list?n=2>; rel=\"prev\""), None);
        assert_eq!(next_query("nonsense"), None);
    }
}
