//! An upstream of our own that serves images with faults on command and remembers every request.
//!
//! It speaks the pull side of the registry protocol from memory. Faults are queued by path and used
//! up one a request, so that "cut twice, then fine" is a list of two. A second one of these, on
//! another port, is the sink that must never see a credential.

mod answer;
mod body;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::image::{Image, Index};

/// What goes wrong with one answer. Offsets count the bytes of that answer's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection closes after so many bytes.
    CutAt(u64),
    /// One bit of the byte at this offset is flipped.
    CorruptAt(u64),
    /// Nothing comes after so many bytes; the connection stays open.
    StallAt(u64),
    /// Nothing comes after so many bytes until [`FaultUpstream::release`], then all the rest.
    HoldAt(u64),
    /// The answer is whole and consistent but ends after so many bytes.
    ShortenTo(u64),
    /// The answer is whole and consistent but has so many bytes more.
    LengthenBy(u64),
    /// Another status, with headers, instead of the content.
    Status(u16, Vec<(&'static str, String)>),
    /// This status, these headers and this body instead of the content. `{sent}` in a body stands
    /// for the request's `Authorization`.
    Say(u16, Vec<(&'static str, String)>, String),
    /// A 403 with this message in the registry protocol's form, on HEAD too.
    Deny(String),
    /// A 307 to the same path at this base URL.
    RedirectTo(String),
    /// The headers come after this long.
    Delay(Duration),
    /// The answer does not say how long it is.
    WithoutLength,
}

/// How a client proves who it is.
#[derive(Clone, Debug)]
pub enum Auth {
    /// `Basic` on every request.
    Basic,
    /// A bearer token from this server's `/token`, which wants `Basic`.
    Token,
    /// A bearer token from `/token` of this base URL, whatever credential comes along.
    TokenFrom(String),
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The path and query.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
}

impl Seen {
    /// Gives the `Authorization` header, empty where there is none.
    pub fn authorization(&self) -> &str {
        self.headers
            .get("authorization")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// The running upstream.
pub struct FaultUpstream {
    address: String,
    shared: Arc<Shared>,
    task: Mutex<JoinHandle<()>>,
}

#[derive(Default)]
struct Content {
    manifests: HashMap<(String, String), (String, Bytes)>,
    blobs: HashMap<String, Bytes>,
    members: HashSet<(String, String)>,
    faults: HashMap<String, VecDeque<Fault>>,
    always: HashMap<String, Fault>,
    seen: Vec<Seen>,
    auth: Option<Auth>,
    tokens: HashSet<String>,
}

struct Shared {
    address: String,
    content: Mutex<Content>,
    ignores_range: AtomicBool,
    says_yes: AtomicBool,
    tokens_made: AtomicU64,
    body_bytes: AtomicU64,
    pace: body::Pace,
    released: tokio::sync::watch::Sender<bool>,
}

impl Shared {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.content
            .lock()
            .expect("no test panics while it holds the content")
    }
}

impl FaultUpstream {
    /// Starts an empty upstream on a free loopback port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("bind a loopback port");
        let address = listener
            .local_addr()
            .expect("read the bound port")
            .to_string();
        let shared = Arc::new(Shared {
            address: address.clone(),
            content: Mutex::default(),
            ignores_range: AtomicBool::new(false),
            says_yes: AtomicBool::new(false),
            tokens_made: AtomicU64::new(0),
            body_bytes: AtomicU64::new(0),
            pace: body::Pace::default(),
            released: tokio::sync::watch::Sender::new(false),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            task: Mutex::new(task),
        }
    }

    /// Gives host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Gives the base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Offers an image under a tag and its digest.
    pub fn add(&self, repository: &str, tag: &str, image: &Image) {
        let mut content = self.shared.content();
        for blob in image.blobs() {
            let digest = blob.digest.to_string();
            content.members.insert((repository.into(), digest.clone()));
            content.blobs.insert(digest, blob.bytes.clone());
        }
        let document = (image.media_type.clone(), image.manifest.clone());
        for reference in [tag, image.digest.as_str()] {
            content
                .manifests
                .insert((repository.into(), reference.into()), document.clone());
        }
    }

    /// Offers an index and its children.
    pub fn add_index(&self, repository: &str, tag: &str, index: &Index) {
        for child in &index.children {
            self.add(repository, child.digest.as_str(), child);
        }
        let document = (index.media_type.clone(), index.manifest.clone());
        let mut content = self.shared.content();
        for reference in [tag, index.digest.as_str()] {
            content
                .manifests
                .insert((repository.into(), reference.into()), document.clone());
        }
    }

    /// Queues faults for the next GETs whose path contains `part`, one each.
    pub fn script(&self, part: &str, faults: impl IntoIterator<Item = Fault>) {
        self.shared
            .content()
            .faults
            .entry(part.into())
            .or_default()
            .extend(faults);
    }

    /// Applies a fault to every GET whose path contains `part`; [`Fault::Deny`] to every HEAD too.
    pub fn always(&self, part: &str, fault: Fault) {
        self.shared.content().always.insert(part.into(), fault);
    }

    /// Forgets every fault.
    pub fn heal(&self) {
        let mut content = self.shared.content();
        content.faults.clear();
        content.always.clear();
    }

    /// Forgets the faults of one part of the paths.
    pub fn heal_at(&self, part: &str) {
        let mut content = self.shared.content();
        content.faults.remove(part);
        content.always.remove(part);
    }

    /// Lets every body go on that [`Fault::HoldAt`] holds, now and from now on.
    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// Lets [`Fault::HoldAt`] hold bodies again.
    pub fn hold_again(&self) {
        self.shared.released.send_replace(false);
    }

    /// Demands credentials; user and password are those of `registry.rs`.
    pub fn demand(&self, auth: Auth) {
        self.shared.content().auth = Some(auth);
    }

    /// Makes every token given out so far worthless.
    pub fn revoke_tokens(&self) {
        self.shared.content().tokens.clear();
    }

    /// Answers 200 with everything to a Range from now on.
    pub fn ignore_range(&self) {
        self.shared.ignores_range.store(true, Ordering::Relaxed);
    }

    /// Answers 200 to every HEAD from now on, whatever it is about.
    pub fn say_yes(&self) {
        self.shared.says_yes.store(true, Ordering::Relaxed);
    }

    /// Offers these bytes as a blob of a repository under a digest that need not be theirs.
    pub fn add_blob(&self, repository: &str, digest: &str, bytes: Bytes) {
        let mut content = self.shared.content();
        content.members.insert((repository.into(), digest.into()));
        content.blobs.insert(digest.into(), bytes);
    }

    /// Limits all bodies together to so many bytes a second.
    pub fn limit_to(&self, bytes_per_second: u64) {
        self.shared.pace.limit_to(bytes_per_second);
    }

    /// Gives every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.content().seen.clone()
    }

    /// Counts requests with this method whose path contains `part`.
    pub fn count(&self, method: &str, part: &str) -> usize {
        let content = self.shared.content();
        content
            .seen
            .iter()
            .filter(|s| s.method == method && s.path.contains(part))
            .count()
    }

    /// Gives the body bytes of blobs sent so far.
    pub fn body_bytes(&self) -> u64 {
        self.shared.body_bytes.load(Ordering::Relaxed)
    }

    /// Stops serving: connections are refused from now on.
    pub fn stop(&self) {
        self.task().abort();
    }

    /// Serves again after [`Self::stop`], at the same address.
    pub async fn start_again(&self) {
        let listener = TcpListener::bind(&self.address)
            .await
            .expect("bind the same port");
        *self.task() = tokio::spawn(accept(listener, Arc::clone(&self.shared)));
    }

    fn task(&self) -> MutexGuard<'_, JoinHandle<()>> {
        self.task.lock().expect("nothing panics in between")
    }
}

impl Drop for FaultUpstream {
    fn drop(&mut self) {
        self.task().abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        let service =
            hyper::service::service_fn(move |request| answer::answer(request, Arc::clone(&shared)));
        connections.spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service),
        );
    }
}
