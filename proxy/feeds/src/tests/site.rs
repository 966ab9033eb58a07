//! A mirror in this process: files with tags, faults on command, every request remembered.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, Request, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use url::Url;

type Answer = Response<UnsyncBoxBody<Bytes, std::io::Error>>;

/// What goes wrong with one answer.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// Another status, with headers.
    Status(u16, &'static [(&'static str, &'static str)]),
    /// The connection closes after so many bytes of those announced.
    CutAt(usize),
    /// The answer is consistent but ends after so many bytes.
    ShortenTo(usize),
    /// The body never ends.
    Endless,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) path: String,
    pub(super) is_conditional: bool,
}

#[derive(Default)]
struct Content {
    files: BTreeMap<String, Vec<u8>>,
    faults: BTreeMap<String, VecDeque<Fault>>,
    seen: Vec<Seen>,
    /// What every request must carry, where not everybody may read.
    login: Option<String>,
}

/// A running mirror; it ends with the test's runtime.
#[derive(Clone)]
pub(super) struct Site {
    address: SocketAddr,
    content: Arc<Mutex<Content>>,
}

impl Site {
    /// Starts a mirror that has these ecosystems, each with one advisory.
    pub(super) async fn start(ecosystems: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let site = Self {
            address: listener.local_addr().unwrap(),
            content: Arc::default(),
        };
        site.put("ecosystems.txt", ecosystems.join("\n").into_bytes());
        for ecosystem in ecosystems {
            site.put_archive(ecosystem, "1.0");
        }
        let content = Arc::clone(&site.content);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let content = Arc::clone(&content);
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = content.lock().unwrap().answer(&request);
                    async move { Ok::<_, Infallible>(answer) }
                });
                let http = hyper::server::conn::http1::Builder::new();
                // A client that leaves in the middle is part of many tests.
                tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
            }
        });
        site
    }

    pub(super) fn url(&self) -> Url {
        format!("http://{}/osv/", self.address).parse().unwrap()
    }

    /// Publishes a file.
    pub(super) fn put(&self, path: &str, bytes: Vec<u8>) {
        let mut content = self.content.lock().unwrap();
        content.files.insert(path.to_owned(), bytes);
    }

    /// Publishes an ecosystem whose only advisory is fixed in `fixed`.
    pub(super) fn put_archive(&self, ecosystem: &str, fixed: &str) {
        self.put(&format!("{ecosystem}/all.zip"), archive(ecosystem, fixed));
    }

    /// Lets nobody read without this user name and password.
    pub(super) fn require(&self, login: &str) {
        let header = format!("Basic {}", STANDARD.encode(login));
        self.content.lock().unwrap().login = Some(header);
    }

    /// Withdraws a file.
    pub(super) fn remove(&self, path: &str) {
        self.content.lock().unwrap().files.remove(path);
    }

    /// Lets the next answers on a path go wrong, one fault each.
    pub(super) fn fail(&self, path: &str, faults: impl IntoIterator<Item = Fault>) {
        let mut content = self.content.lock().unwrap();
        content
            .faults
            .insert(path.to_owned(), faults.into_iter().collect());
    }

    /// Gives the requests for a path since the last call.
    pub(super) fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.content.lock().unwrap().seen)
    }
}

impl Content {
    fn answer(&mut self, request: &Request<Incoming>) -> Answer {
        let path = request.uri().path().trim_start_matches("/osv/").to_owned();
        let is_conditional = is_conditional(request.headers());
        self.seen.push(Seen {
            path: path.clone(),
            is_conditional,
        });
        let login = request.headers().get(header::AUTHORIZATION);
        let is_known = |wanted: &String| login.is_some_and(|login| login == wanted.as_str());
        if !self.login.as_ref().is_none_or(is_known) {
            return status(401, &[]);
        }
        let fault = self.faults.get_mut(&path).and_then(VecDeque::pop_front);
        let Some(bytes) = self.files.get(&path).cloned() else {
            return status(404, &[]);
        };
        let tag = format!("\"{:08x}\"", crc32fast::hash(&bytes));
        let with_tag = Response::builder().header(header::ETAG, &tag);
        match fault {
            Some(Fault::Status(code, headers)) => status(code, headers),
            Some(Fault::CutAt(length)) => {
                let begin = Bytes::copy_from_slice(&bytes[..length]);
                // One pause lets what was sent so far leave before the connection breaks.
                let cut = async {
                    tokio::task::yield_now().await;
                    Err(std::io::Error::other("cut on purpose"))
                };
                let begin = stream::iter([Ok(Frame::data(begin))]);
                let body = StreamBody::new(begin.chain(stream::once(cut))).boxed_unsync();
                with_tag
                    .header(header::CONTENT_LENGTH, bytes.len())
                    .body(body)
                    .unwrap()
            }
            Some(Fault::ShortenTo(length)) => {
                with_tag.body(whole(bytes[..length].to_vec())).unwrap()
            }
            Some(Fault::Endless) => {
                let piece = || Ok(Frame::data(Bytes::from_static(&[b'x'; 16 * 1024])));
                let body = StreamBody::new(stream::repeat_with(piece)).boxed_unsync();
                with_tag.body(body).unwrap()
            }
            None if request
                .headers()
                .get(header::IF_NONE_MATCH)
                .is_some_and(|t| *t == tag) =>
            {
                status(304, &[])
            }
            None => with_tag.body(whole(bytes)).unwrap(),
        }
    }
}

fn is_conditional(headers: &HeaderMap) -> bool {
    headers.contains_key(header::IF_NONE_MATCH) || headers.contains_key(header::IF_MODIFIED_SINCE)
}

fn status(code: u16, headers: &[(&str, &str)]) -> Answer {
    let mut builder = Response::builder().status(code);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(whole(Vec::new())).unwrap()
}

fn whole(bytes: Vec<u8>) -> UnsyncBoxBody<Bytes, std::io::Error> {
    Full::new(Bytes::from(bytes))
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// Makes an ecosystem's zip with one advisory on the package `tool`.
pub(super) fn archive(ecosystem: &str, fixed: &str) -> Vec<u8> {
    let record = json!({
        "schema_version": "1.6.0",
        "id": format!("TEST-{}", ecosystem.replace(':', "-")),
        "modified": "2026-11-01T00:00:00Z",
        "affected": [{
            "package": {"ecosystem": ecosystem, "name": "tool"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}],
        }],
    });
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("TEST.json", options).unwrap();
    zip.write_all(record.to_string().as_bytes()).unwrap();
    zip.finish().unwrap().into_inner()
}
