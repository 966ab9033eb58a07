//! One registry's client: authentication, redirects, retries, Range.
//!
//! Hands out what the upstream has, checked against the digests it promised. Never caches content,
//! never decides what may be served, never reads the environment. Callers are the steps of a pull
//! and the endpoints that pass through.
//!
//! Reading order: this file (what can be asked), `session` (one request), `wire` (one exchange),
//! `connect` (one connection); `turns` and `places` hold how much is asked at a time; `login`, `token`, `trust` and `address`
//! hold who we are and the rules of who may see what.
//! `web` lends the same connections to feed mirrors and webhooks, which are no registries.

mod address;
mod answer;
mod blob;
mod catalog;
mod challenge;
mod connect;
mod encoding;
mod error;
mod link;
mod login;
mod options;
mod part;
mod pinned;
mod places;
mod redirect;
mod referrers;
mod retry;
mod session;
mod stamp;
mod tags;
mod text;
mod token;
mod trust;
mod turns;
mod unreachable;
mod web;
mod wire;

#[cfg(any(test, feature = "fake"))]
#[allow(clippy::unwrap_used, reason = "only tests ask for it")]
pub mod fake;
pub mod secrets;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use hyper::body::Incoming;
use sluicegate_config::UpstreamSettings;
use sluicegate_model::digest::Algorithm;
use sluicegate_model::image::is_repository_path;
use sluicegate_model::registry::ManifestHead;
use sluicegate_model::{Digest, DigestHasher, Reference, media_type};
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

pub use blob::BlobBody;
pub use connect::tls_settings;
pub use error::{Cause, SettingsError, UpstreamError};
pub use login::LoginError;
pub use options::{ProxyVariables, UpstreamOptions};
pub use part::BlobPart;
pub use places::Load;
pub use retry::SHORT_RETRY_AFTER;
pub use retry::jittered;
pub use stamp::Stamp;
pub use text::UpstreamText;
pub use turns::Askers;
pub use unreachable::why;
pub use web::Web;
pub use wire::Observer;

use answer::{content_range, media_type_of, promised_digest};
pub use answer::{promised_length, retry_after};
use encoding::decoded;
use places::{Pausing, Place, Places};
use retry::{patiently, very_patiently};
use session::{Ask, Session};
use token::Authenticator;
use trust::TrustedPlaces;
use turns::Size;
use wire::Wire;

/// Largest manifest read, in bytes. Distribution and zot have the same limit.
pub const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;

/// Lists of one upstream read at a time: each may take some ten MiB of memory.
const LISTS_AT_A_TIME: usize = 4;

/// One registry's client, shared by all pulls from it.
#[derive(Debug)]
pub struct Upstream {
    name: String,
    /// The configured address up to and without `/v2/`.
    base: Url,
    session: Session,
    /// Places for requests of blobs and their parts.
    blobs: Places,
    /// Places for requests of manifests, so that none waits for a blob.
    manifests: Places,
    /// Places for reading lists.
    lists: Semaphore,
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
            authenticator: Authenticator::new(options.login, &base, places.clone()),
            places,
        };
        Ok(Self {
            name: options.name,
            base,
            session,
            blobs: Places::new(options.max_requests, Pausing::All),
            manifests: Places::new(options.max_requests, Pausing::Each),
            lists: Semaphore::new(LISTS_AT_A_TIME),
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

    /// Gives the host, with a port that is not the usual one, and the path under which a repository
    /// lies there; none where the address has no host.
    pub fn place_of(&self, path: &str) -> Option<(String, String)> {
        let host = self.base.host_str()?;
        let host = match self.base.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let before = self.base.path().trim_matches('/');
        let path = if before.is_empty() {
            path.to_owned()
        } else {
            format!("{before}/{path}")
        };
        Some((host, path))
    }

    /// Tells how much is asked of it now: blobs, and manifests.
    pub fn load(&self) -> [Load; 2] {
        [self.blobs.load(), self.manifests.load()]
    }

    /// Fetches a manifest and proves its digest. An upstream that says that it is asked for too much
    /// is asked again for a minute and more.
    pub async fn manifest(
        &self,
        path: &str,
        reference: &Reference,
    ) -> Result<UpstreamManifest, UpstreamError> {
        let ask = self.manifest_ask(Method::GET, path, reference)?;
        very_patiently(|| self.fetch_manifest(&ask, reference)).await
    }

    /// Does the same for a manifest that something else can stand for, and so waits less.
    pub async fn manifest_soon(
        &self,
        path: &str,
        reference: &Reference,
    ) -> Result<UpstreamManifest, UpstreamError> {
        let ask = self.manifest_ask(Method::GET, path, reference)?;
        patiently(|| self.fetch_manifest(&ask, reference)).await
    }

    async fn fetch_manifest(
        &self,
        ask: &Ask,
        reference: &Reference,
    ) -> Result<UpstreamManifest, UpstreamError> {
        let mut place = self.manifest_place(&ask.what).await?;
        let response = self.asked_at(&mut place, ask).await?;
        let (head, mut body) = response.into_parts();
        let promised = promised_digest(&ask.what, &head.headers)?;
        let wire = &self.session.wire;
        let bytes = wire.read_small(&ask.what, &mut body, MAX_MANIFEST_BYTES);
        let bytes = bytes.await?;
        place.succeed();
        let bytes = decoded(&ask.what, &head.headers, bytes, MAX_MANIFEST_BYTES)?;
        Ok(UpstreamManifest {
            media_type: media_type_of(&head.headers),
            digest: proven_digest(&ask.what, &bytes, reference, promised.as_ref())?,
            bytes,
        })
    }

    /// Asks once what a manifest is without fetching it; none where the upstream does not say.
    ///
    /// Registries answer HEAD with an error where GET works, or without a digest, and storage
    /// links may be signed for GET only. So an answer that is no success says nothing of the
    /// manifest, and a success proves nothing: only its bytes do.
    /// *Errors*: silence or a limit.
    pub async fn head_manifest(
        &self,
        path: &str,
        reference: &Reference,
    ) -> Result<Option<ManifestHead>, UpstreamError> {
        let ask = self.manifest_ask(Method::HEAD, path, reference)?;
        let mut place = self.manifest_place(&ask.what).await?;
        let response = match self.asked_at(&mut place, &ask).await {
            Ok(response) => response,
            Err(
                error @ (UpstreamError::RateLimited { .. }
                | UpstreamError::Timeout { .. }
                | UpstreamError::Connect { .. }),
            ) => return Err(error),
            Err(_is_no_success) => return Ok(None),
        };
        place.succeed();
        let promised = promised_digest(&ask.what, response.headers());
        let media_type = media_type_of(response.headers());
        let is_manifest =
            media_type::is_image_manifest(&media_type) || media_type::is_index(&media_type);
        Ok(match promised {
            Ok(Some(digest)) if is_manifest => Some(ManifestHead { digest, media_type }),
            Ok(_) | Err(_) => None,
        })
    }

    /// Starts fetching a blob from `offset` on; one attempt.
    pub async fn blob(
        &self,
        path: &str,
        digest: &Digest,
        offset: u64,
    ) -> Result<BlobBody, UpstreamError> {
        self.blob_for(&Askers::of(digest), path, digest, offset)
            .await
    }

    /// Does the same when it is the turn of those who need it.
    pub async fn blob_for(
        &self,
        askers: &Askers,
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
        let mut place = self.blobs.enter(&ask.what, askers, Size::Large).await?;
        let response = self.asked_at(&mut place, &ask).await?;
        self.body(&ask, response, offset, place)
    }

    /// Sends a request once, and notes at its place where it was too much.
    async fn asked_at(
        &self,
        place: &mut Place,
        ask: &Ask,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let asked = self.session.ask(ask).await;
        asked.inspect_err(|error| place.fail(error))
    }

    fn body(
        &self,
        ask: &Ask,
        response: Response<Incoming>,
        wanted: u64,
        place: Place,
    ) -> Result<BlobBody, UpstreamError> {
        let (offset, total_len) = placement(&ask.what, &response, wanted)?;
        Ok(BlobBody {
            total_len,
            offset,
            what: ask.what.clone(),
            received: 0,
            body: response.into_body(),
            stall: self.session.wire.timing.stall,
            place,
        })
    }

    /// Sends a request once and reads its small answer.
    async fn small_answer(
        &self,
        ask: &Ask,
        limit: usize,
    ) -> Result<(HeaderMap, Bytes), UpstreamError> {
        let response = self.session.ask(ask).await?;
        let (head, mut body) = response.into_parts();
        let wire = &self.session.wire;
        let bytes = wire.read_small(&ask.what, &mut body, limit).await?;
        let bytes = decoded(&ask.what, &head.headers, bytes, limit)?;
        Ok((head.headers, bytes))
    }

    async fn manifest_place(&self, what: &str) -> Result<Place, UpstreamError> {
        let nobody = Askers::default();
        self.manifests.enter(what, &nobody, Size::Small).await
    }

    /// Waits for a place to read a list in: each may take some ten MiB.
    async fn list_place(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed; without a place the list is only read all the same.
        self.lists.acquire().await.ok()
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

fn checked_base(options: &UpstreamOptions) -> Result<Url, UpstreamError> {
    let wrong = |why| UpstreamError::Settings {
        name: options.name.clone(),
        why,
    };
    let mut base = options.url.clone();
    if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
        return Err(wrong(SettingsError::Scheme));
    }
    if !base.username().is_empty() || base.password().is_some() {
        return Err(wrong(SettingsError::UrlCredentials));
    }
    if options.login.is_some() && base.scheme() == "http" && !options.allow_insecure_credentials {
        return Err(wrong(SettingsError::ClearCredentials));
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
        reason: UpstreamText::said(&reason),
    }
}

fn mismatch(what: &str, wanted: &Digest, got: &Digest) -> UpstreamError {
    UpstreamError::DigestMismatch {
        what: what.to_owned(),
        wanted: wanted.clone(),
        got: got.clone(),
    }
}
