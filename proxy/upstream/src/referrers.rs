//! What refers to a manifest, by the API or by the tag schema: checked descriptors, and nothing
//! else of what the upstream sends.
//!
//! Whatever is no image index means that the upstream has no such API; only silence, a limit or
//! trouble is an error. Source: distribution-spec, "Listing Referrers" and "Referrers Tag Schema".

use std::collections::{BTreeMap, HashSet};

use http::{HeaderValue, Method, header};
use serde::Deserialize;
use sluicegate_model::absent::{self, Written};
use sluicegate_model::manifest::Descriptor;
use sluicegate_model::registry::{MAX_REFERRERS, Referrers};
use sluicegate_model::{Digest, Reference, media_type};

use super::answer::media_type_of;
use super::error::UpstreamError;
use super::link::next_page;
use super::retry::patiently;
use super::{Upstream, protocol};
use crate::secrets;

/// Largest answer of the API, in bytes: upstreams that know no pages send all at once.
const MAX_LIST_BYTES: usize = 16 * 1024 * 1024;
/// Most pages asked for: an upstream that sends one referrer at a time comes to an end.
const MAX_PAGES: usize = 32;
/// Most bytes of the annotations of one referrer; more is content rather than a note.
const MAX_ANNOTATION_BYTES: usize = 4 * 1024;
/// Longest type of an artifact, in bytes. Source: RFC 6838 section 4.2, twice 127 and the slash.
const MAX_TYPE_BYTES: usize = 255;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReferrersAnswer {
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    manifests: Written<Vec<serde_json::Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedReferrer {
    media_type: String,
    digest: Digest,
    size: u64,
    #[serde(default)]
    artifact_type: Option<String>,
    #[serde(default, deserialize_with = "absent::notes")]
    annotations: BTreeMap<String, String>,
}

impl Upstream {
    /// Lists the referrers of a manifest; of one type only where that is given.
    pub async fn referrers(
        &self,
        path: &str,
        digest: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Referrers, UpstreamError> {
        let _place = self.list_place().await;
        let mut found = match self.referrers_by_api(path, digest, artifact_type).await {
            Ok(Some(found)) => found,
            Ok(None) => self.referrers_by_tag(path, digest).await?,
            Err(error) if is_no_list(&error) => self.referrers_by_tag(path, digest).await?,
            Err(error) => return Err(error),
        };
        // Upstreams need not filter, and not every one that says so does.
        if let Some(wanted) = artifact_type {
            found.retain(|one| one.artifact_type.as_deref() == Some(wanted));
        }
        let mut seen = HashSet::new();
        found.retain(|one| one.digest != *digest && seen.insert(one.digest.clone()));
        let are_cut = found.len() > MAX_REFERRERS;
        found.truncate(MAX_REFERRERS);
        Ok(Referrers { found, are_cut })
    }

    /// Asks the API; none where the answer is no image index.
    async fn referrers_by_api(
        &self,
        path: &str,
        digest: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Option<Vec<Descriptor>>, UpstreamError> {
        let mut found = Vec::new();
        let mut query: Vec<(String, String)> = Vec::new();
        query.extend(artifact_type.map(|wanted| ("artifactType".to_owned(), wanted.to_owned())));
        for _ in 0..MAX_PAGES {
            let ask = self.ask(Method::GET, path, "referrers", "referrers", digest.as_str())?;
            let wanted = HeaderValue::from_static(media_type::OCI_INDEX);
            let mut ask = ask.with(header::ACCEPT, wanted);
            if !query.is_empty() {
                ask.url.query_pairs_mut().extend_pairs(&query);
            }
            // An answer that is no list is not asked for again, a link that has expired among them.
            let answer = patiently(|| async {
                match self.small_answer(&ask, MAX_LIST_BYTES).await {
                    Err(error) if is_no_list(&error) => Ok(None),
                    answer => answer.map(Some),
                }
            });
            let Some((headers, bytes)) = answer.await? else {
                return Ok(None);
            };
            let Some(page) = index(&bytes, &media_type_of(&headers)) else {
                return Ok(None);
            };
            found.extend(page);
            let next =
                next_page(&headers).map_err(|reason| protocol(&ask.what, reason.to_owned()))?;
            match next {
                Some(next) if found.len() <= MAX_REFERRERS => query = next,
                _ => break,
            }
        }
        Ok(Some(found))
    }

    /// Asks for the tag that is the digest with `-` for `:`; nothing there is an empty list.
    async fn referrers_by_tag(
        &self,
        path: &str,
        digest: &Digest,
    ) -> Result<Vec<Descriptor>, UpstreamError> {
        // A tag holds 128 characters; longer digests are cut as the schema says.
        let tag: String = digest.as_str().replacen(':', "-", 1);
        let tag: String = tag.chars().take(128).collect();
        let reference = tag
            .parse()
            .map(Reference::Tag)
            .map_err(|_| protocol(path, "digest makes no tag".to_owned()))?;
        match self.manifest(path, &reference).await {
            // Some answer with the manifest itself, whatever the tag is for.
            Ok(list) if list.digest == *digest => Ok(Vec::new()),
            Ok(list) => Ok(index(&list.bytes, &list.media_type).unwrap_or_default()),
            Err(error) if is_no_list(&error) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

/// Tells whether an upstream has answered with something else than a list, or with no answer that
/// could be one. A list that is too long is one.
fn is_no_list(error: &UpstreamError) -> bool {
    match error {
        UpstreamError::TooLarge { .. } => false,
        UpstreamError::BadRealm { .. } => true,
        other => other.is_an_answer(),
    }
}

/// Reads an image index; none where it is something else. Entries that are no descriptors of
/// manifests are left out. A list that is `null` is an empty one.
fn index(bytes: &[u8], content_type: &str) -> Option<Vec<Descriptor>> {
    let answer: ReferrersAnswer = serde_json::from_slice(bytes).ok()?;
    let is_index = media_type::is_index(content_type)
        || answer
            .media_type
            .as_deref()
            .is_some_and(media_type::is_index);
    if !is_index || answer.manifests == Written::Absent {
        return None;
    }
    let entries = answer.manifests.there().unwrap_or_default();
    Some(entries.into_iter().filter_map(referrer).collect())
}

fn referrer(entry: serde_json::Value) -> Option<Descriptor> {
    let entry: ListedReferrer = serde_json::from_value(entry).ok()?;
    let kind = entry.media_type.as_str();
    if !media_type::is_image_manifest(kind) && !media_type::is_index(kind) {
        return None;
    }
    let artifact_type = entry.artifact_type.filter(|kind| is_type(kind));
    let notes = entry.annotations;
    let bytes = notes.iter().map(|(name, text)| name.len() + text.len());
    let betrays = |text: &String| secrets::betrays(text);
    let are_notes = bytes.sum::<usize>() <= MAX_ANNOTATION_BYTES
        && !notes
            .iter()
            .any(|(name, text)| betrays(name) || betrays(text));
    Some(Descriptor {
        media_type: entry.media_type,
        digest: entry.digest,
        size: entry.size,
        platform: None,
        urls: Vec::new(),
        artifact_type,
        annotations: if are_notes { notes } else { BTreeMap::new() },
    })
}

/// Tells whether a text can be the type of an artifact.
fn is_type(text: &str) -> bool {
    let is_of_type = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+/;= \"".contains(&byte);
    !text.is_empty()
        && text.len() <= MAX_TYPE_BYTES
        && text.bytes().all(is_of_type)
        && !secrets::betrays(text)
}
