//! One registry's client: authentication, redirects, retries, Range.
//!
//! Hands out what the upstream has, checked against the digests it promised. Never caches content,
//! never decides what may be served, never reads the environment. Callers are the steps of a pull
//! and the endpoints that pass through.
//!
//! Reading order: this file (what can be asked), `session` (one request), `wire` (one exchange),
//! `connect` (one connection); `token`, `trust` and `address` hold the rules of who may see what.
//! `web` lends the same connections to feed mirrors and webhooks, which are no registries.

mod address;
mod answer;
mod blob;
mod challenge;
mod connect;
mod error;
mod options;
mod retry;
mod session;
mod tags;
mod token;
mod trust;
mod web;
mod wire;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use hyper::body::Incoming;
use sluicegate_config::UpstreamSettings;
use sluicegate_model::digest::Algorithm;
use sluicegate_model::image::is_repository_path;
use sluicegate_model::{Digest, DigestHasher, Reference, media_type};
use url::Url;

pub use blob::BlobBody;
pub use error::{Cause, Fault, UpstreamError};
pub use options::{ProxyVariables, UpstreamOptions};
pub use retry::SHORT_RETRY_AFTER;
pub(crate) use retry::jittered;
pub(crate) use web::Web;
pub use wire::Observer;

pub(crate) use answer::retry_after;
use answer::{content_range, media_type_of, promised_digest, promised_length};
use retry::patiently;
use session::{Ask, Session};
use token::Authenticator;
use trust::TrustedPlaces;
use wire::Wire;

/// Largest manifest read, in bytes. Distribution and zot have the same limit.
pub const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;

/// One registry's client, shared by all pulls from it.
#[derive(Debug)]
pub struct Upstream {
    name: String,
    /// The configured address up to and without `/v2/`.
    base: Url,
    session: Session,
}

/// A manifest whose bytes hash to `digest`.
#[derive(Clone, Debug)]
pub struct UpstreamManifest {
    /// The bytes as the upstream sent them.
    pub bytes: Bytes,
    /// The Content-Type without parameters; empty if there was none.
    pub media_type: String,
    /// The digest of the bytes, computed here.
    pub digest: Digest,
}

/// What an upstream says about a manifest without sending it.
#[derive(Clone, Debug)]
pub struct ManifestHead {
    /// The promised digest.
    pub digest: Option<Digest>,
    /// The Content-Type without parameters.
    pub media_type: Option<String>,
    /// The promised length in bytes.
    pub size: Option<u64>,
}

/// An answer that is passed through.
#[derive(Clone, Debug)]
pub struct RawResponse {
    /// The status, always a success.
    pub status: StatusCode,
    /// `Content-Type`, `Link` and `OCI-Filters-Applied`, where present.
    pub headers: HeaderMap,
    /// The whole body.
    pub bytes: Bytes,
}

impl Upstream {
    /// Prepares a client from checked settings; connects to nothing.
    ///
    /// *Errors*: [`UpstreamError::Settings`].
    pub fn from_settings(
        settings: &UpstreamSettings,
        proxy: ProxyVariables,
        observer: Option<Observer>,
    ) -> Result<Self, UpstreamError> {
        Self::new(UpstreamOptions::from_settings(settings, proxy)?, observer)
    }

    /// Prepares a client; connects to nothing.
    ///
    /// *Errors*: [`UpstreamError::Settings`].
    pub fn new(
        options: UpstreamOptions,
        observer: Option<Observer>,
    ) -> Result<Self, UpstreamError> {
        let base = checked_base(&options)?;
        let places = TrustedPlaces::new(base.clone(), &options.allow_hosts);
        let session = Session {
            wire: Wire::new(&options, places.clone(), observer)?,
            authenticator: Authenticator::new(options.credentials, places.clone()),
            places,
        };
        Ok(Self {
            name: options.name,
            base,
            session,
        })
    }

    /// Makes a client that waits as told.
    #[cfg(test)]
    fn with_timing(options: UpstreamOptions, timing: wire::Timing) -> Self {
        let mut upstream = Self::new(options, None).expect("sound settings");
        upstream.session.wire.timing = timing;
        upstream
    }

    /// Gives the name under which repositories know this upstream.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Fetches a manifest and proves its digest.
    pub async fn manifest(
        &self,
        path: &str,
        reference: &Reference,
    ) -> Result<UpstreamManifest, UpstreamError> {
        let ask = self.manifest_ask(Method::GET, path, reference)?;
        patiently(|| async {
            let response = self.session.ask(&ask).await?;
            let (head, mut body) = response.into_parts();
            let promised = promised_digest(&ask.what, &head.headers)?;
            let bytes = self
                .session
                .wire
                .read_small(&ask.what, &mut body, MAX_MANIFEST_BYTES)
                .await?;
            Ok(UpstreamManifest {
                media_type: media_type_of(&head.headers),
                digest: proven_digest(&ask.what, &bytes, reference, promised.as_ref())?,
                bytes,
            })
        })
        .await
    }

    /// Asks what a manifest is without fetching it.
    pub async fn head_manifest(
        &self,
        path: &str,
        reference: &Reference,
    ) -> Result<ManifestHead, UpstreamError> {
        let ask = self.manifest_ask(Method::HEAD, path, reference)?;
        let response = patiently(|| self.session.ask(&ask)).await?;
        let digest = promised_digest(&ask.what, response.headers())?;
        if let (Reference::Digest(wanted), Some(got)) = (reference, &digest)
            && wanted.algorithm() == got.algorithm()
            && wanted != got
        {
            return Err(mismatch(&ask.what, wanted, got));
        }
        let media_type = media_type_of(response.headers());
        Ok(ManifestHead {
            digest,
            media_type: (!media_type.is_empty()).then_some(media_type),
            size: promised_length(response.headers()),
        })
    }

    /// Asks whether a repository has a blob, and its length.
    ///
    /// *Errors*: [`UpstreamError::NotFound`] where it has not.
    pub async fn head_blob(
        &self,
        path: &str,
        digest: &Digest,
    ) -> Result<Option<u64>, UpstreamError> {
        let ask = self.ask(Method::HEAD, path, "blob", "blobs", digest.as_str())?;
        let response = patiently(|| self.session.ask(&ask)).await?;
        Ok(promised_length(response.headers()))
    }

    /// Starts fetching a blob from `offset` on; one attempt.
    pub async fn blob(
        &self,
        path: &str,
        digest: &Digest,
        offset: u64,
    ) -> Result<BlobBody, UpstreamError> {
        let mut ask = self.ask(Method::GET, path, "blob", "blobs", digest.as_str())?;
        if offset > 0 {
            let range = HeaderValue::try_from(format!("bytes={offset}-"))
                .map_err(|error| protocol(&ask.what, error.to_string()))?;
            ask = ask.with(header::RANGE, range);
        }
        let response = self.session.ask(&ask).await?;
        let (offset, total_len) = placement(&ask.what, &response, offset)?;
        Ok(BlobBody {
            total_len,
            offset,
            what: ask.what,
            received: 0,
            body: response.into_body(),
            stall: self.session.wire.timing.stall,
        })
    }

    /// Lists tags; `query` is the client's, such as `n=100&last=x`.
    pub async fn tags(&self, path: &str, query: &str) -> Result<RawResponse, UpstreamError> {
        let ask = self.ask(Method::GET, path, "tags", "tags", "list")?;
        self.raw(ask, query).await
    }

    /// Lists the referrers of a manifest, by the tag schema where the upstream has no such API.
    pub async fn referrers(
        &self,
        path: &str,
        digest: &Digest,
        query: &str,
    ) -> Result<RawResponse, UpstreamError> {
        let ask = self.ask(Method::GET, path, "referrers", "referrers", digest.as_str())?;
        match self.raw(ask, query).await {
            Err(UpstreamError::NotFound { .. }) => self.referrers_by_tag(path, digest).await,
            outcome => outcome,
        }
    }

    /// Source: distribution-spec, "Referrers Tag Schema": the tag is the digest with `-` for `:`.
    async fn referrers_by_tag(
        &self,
        path: &str,
        digest: &Digest,
    ) -> Result<RawResponse, UpstreamError> {
        // A tag holds 128 characters; longer digests are cut as the schema says.
        let tag: String = digest.as_str().replacen(':', "-", 1);
        let tag: String = tag.chars().take(128).collect();
        let reference = tag
            .parse()
            .map(Reference::Tag)
            .map_err(|_| protocol(path, "digest makes no tag".to_owned()))?;
        let bytes = match self.manifest(path, &reference).await {
            Ok(found) if media_type::is_index(&found.media_type) => found.bytes,
            Ok(_) | Err(UpstreamError::NotFound { .. }) => Bytes::from_static(NO_REFERRERS),
            Err(error) => return Err(error),
        };
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(media_type::OCI_INDEX),
        );
        Ok(RawResponse {
            status: StatusCode::OK,
            headers,
            bytes,
        })
    }

    async fn raw(&self, mut ask: Ask, query: &str) -> Result<RawResponse, UpstreamError> {
        ask.url.set_query((!query.is_empty()).then_some(query));
        patiently(|| async {
            let response = self.session.ask(&ask).await?;
            let (head, mut body) = response.into_parts();
            let bytes = self
                .session
                .wire
                .read_small(&ask.what, &mut body, MAX_MANIFEST_BYTES)
                .await?;
            let mut headers = HeaderMap::new();
            for name in PASSED_HEADERS {
                if let Some(value) = head.headers.get(&name) {
                    headers.insert(name, value.clone());
                }
            }
            Ok(RawResponse {
                status: head.status,
                headers,
                bytes,
            })
        })
        .await
    }

    fn manifest_ask(
        &self,
        method: Method,
        path: &str,
        reference: &Reference,
    ) -> Result<Ask, UpstreamError> {
        let ask = self.ask(
            method,
            path,
            "manifest",
            "manifests",
            &reference.to_string(),
        )?;
        let accepted = media_type::ACCEPTED_MANIFESTS.into_iter();
        Ok(accepted.fold(ask, |ask, wanted| {
            ask.with(header::ACCEPT, HeaderValue::from_static(wanted))
        }))
    }

    fn ask(
        &self,
        method: Method,
        path: &str,
        noun: &str,
        endpoint: &str,
        last: &str,
    ) -> Result<Ask, UpstreamError> {
        let what = format!("{noun} {path} {last} of {}", self.name);
        if !is_repository_path(path) {
            return Err(protocol(&what, "repository path is invalid".to_owned()));
        }
        let mut url = self.base.clone();
        let prefix = self.base.path().trim_end_matches('/');
        url.set_path(&format!("{prefix}/v2/{path}/{endpoint}/{last}"));
        Ok(Ask {
            what,
            method,
            url,
            path: path.to_owned(),
            headers: HeaderMap::new(),
        })
    }
}

/// Headers of a passed-through answer that mean something to a client.
const PASSED_HEADERS: [HeaderName; 3] = [
    header::CONTENT_TYPE,
    header::LINK,
    HeaderName::from_static("oci-filters-applied"),
];

const NO_REFERRERS: &[u8] =
    br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;

fn checked_base(options: &UpstreamOptions) -> Result<Url, UpstreamError> {
    let wrong = |reason: &str| UpstreamError::Settings {
        name: options.name.clone(),
        reason: reason.to_owned(),
    };
    let mut base = options.url.clone();
    if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
        return Err(wrong("its url is neither http:// nor https://"));
    }
    if !base.username().is_empty() || base.password().is_some() {
        return Err(wrong(
            "its url holds credentials; give them by file or environment",
        ));
    }
    if options.credentials.is_some()
        && base.scheme() == "http"
        && !options.allow_insecure_credentials
    {
        return Err(wrong(
            "credentials would travel in the clear; allow_insecure_credentials allows that",
        ));
    }
    base.set_query(None);
    base.set_fragment(None);
    Ok(base)
}

/// Computes a manifest's digest and compares it with all that was asked and promised.
fn proven_digest(
    what: &str,
    bytes: &[u8],
    reference: &Reference,
    promised: Option<&Digest>,
) -> Result<Digest, UpstreamError> {
    let asked = match reference {
        Reference::Digest(digest) => Some(digest),
        Reference::Tag(_) => None,
    };
    let hash = |algorithm| {
        let mut hasher = DigestHasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    };
    for wanted in asked.into_iter().chain(promised) {
        let got = hash(wanted.algorithm());
        if got != *wanted {
            return Err(mismatch(what, wanted, &got));
        }
    }
    let known = asked.or(promised).cloned();
    Ok(known.unwrap_or_else(|| hash(Algorithm::Sha256)))
}

/// Finds where a blob's body starts, and the blob's length.
fn placement(
    what: &str,
    response: &Response<Incoming>,
    wanted: u64,
) -> Result<(u64, Option<u64>), UpstreamError> {
    if response.status() != StatusCode::PARTIAL_CONTENT {
        return Ok((0, promised_length(response.headers())));
    }
    let (start, total) = content_range(response.headers())
        .ok_or_else(|| protocol(what, "Content-Range is missing or wrong".to_owned()))?;
    if start != wanted {
        let reason = format!("range starts at {start}, wanted {wanted}");
        return Err(protocol(what, reason));
    }
    Ok((start, total))
}

fn protocol(what: &str, reason: String) -> UpstreamError {
    UpstreamError::Protocol {
        what: what.to_owned(),
        reason,
    }
}

fn mismatch(what: &str, wanted: &Digest, got: &Digest) -> UpstreamError {
    UpstreamError::DigestMismatch {
        what: what.to_owned(),
        wanted: wanted.clone(),
        got: got.clone(),
    }
}
