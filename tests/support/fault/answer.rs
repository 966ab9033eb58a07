//! One request, one answer: credentials first, then the queued fault, then the content.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base64::Engine as _;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;

use super::body::{self, Body};
use super::{Auth, Fault, Seen, Shared};
use crate::registry::{PASSWORD, USER};

/// Answers a request.
pub(super) async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Body>, io::Error> {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str())
        .to_owned();
    let seen = Seen {
        method: request.method().to_string(),
        path: path.clone(),
        headers: request.headers().clone(),
    };
    let authorization = seen.authorization().to_owned();
    shared.content().seen.push(seen);
    if path.starts_with("/token") {
        if let Some(Fault::RedirectTo(base)) = next_fault(request.method(), &path, &shared) {
            return Ok(redirect(&base, &path));
        }
        return Ok(token(&authorization, &shared));
    }
    if let Some(challenge) = challenge(&path, &authorization, &shared) {
        return Ok(response(
            StatusCode::UNAUTHORIZED,
            &[("www-authenticate", challenge)],
            "",
        ));
    }
    let fault = next_fault(request.method(), &path, &shared);
    if request.method() == Method::HEAD && shared.says_yes.load(Ordering::Relaxed) {
        return Ok(yes(&path));
    }
    match &fault {
        Some(Fault::Say(code, headers, body)) => {
            let status = StatusCode::from_u16(*code).expect("a status code of the test's");
            let body = body.replace("{sent}", &authorization);
            return Ok(response(status, headers, &body));
        }
        Some(Fault::Status(code, headers)) => {
            let status = StatusCode::from_u16(*code).expect("a status code of the test's");
            let body = r#"{"errors":[{"code":"UNKNOWN","message":"scripted"}]}"#;
            return Ok(response(status, headers, body));
        }
        Some(Fault::Deny(message)) => {
            let errors = serde_json::json!({
                "errors": [{"code": "DENIED", "message": message, "detail": {}}],
            });
            let headers = [("content-type", "application/json".into())];
            return Ok(response(
                StatusCode::FORBIDDEN,
                &headers,
                &errors.to_string(),
            ));
        }
        Some(Fault::RedirectTo(base)) => {
            return Ok(redirect(base, &path));
        }
        Some(Fault::Delay(delay)) => tokio::time::sleep(*delay).await,
        _ => {}
    }
    Ok(content(&request, &path, fault, &shared))
}

/// Says that what is asked for is there.
fn yes(path: &str) -> Response<Body> {
    let (_, kind, reference) = split(path).unwrap_or_default();
    let media_type = match kind {
        "manifests" => "application/vnd.oci.image.manifest.v1+json",
        _ => "application/octet-stream",
    };
    let headers = [
        ("content-type", media_type.to_owned()),
        ("docker-content-digest", reference.to_owned()),
    ];
    response(StatusCode::OK, &headers, "")
}

fn redirect(base: &str, path: &str) -> Response<Body> {
    let headers = [("location", format!("{base}{path}"))];
    response(StatusCode::TEMPORARY_REDIRECT, &headers, "")
}

fn next_fault(method: &Method, path: &str, shared: &Shared) -> Option<Fault> {
    let mut content = shared.content();
    let always = content.always.iter().find(|(part, _)| path.contains(*part));
    let always = always.map(|(_, fault)| fault.clone());
    if method != Method::GET {
        return always.filter(|fault| matches!(fault, Fault::Deny(_)));
    }
    let mut queues = content.faults.iter_mut();
    let queued = queues.find(|(part, queue)| path.contains(*part) && !queue.is_empty());
    queued.and_then(|(_, queue)| queue.pop_front()).or(always)
}

/// Gives the challenge to send, none where the request may pass.
fn challenge(path: &str, authorization: &str, shared: &Shared) -> Option<String> {
    let content = shared.content();
    let bearer = authorization.strip_prefix("Bearer ").unwrap_or_default();
    let realm = match content.auth.as_ref()? {
        Auth::Basic if authorization == basic() => return None,
        Auth::Basic => return Some("Basic realm=\"fault\"".into()),
        Auth::Token | Auth::TokenFrom(_) if content.tokens.contains(bearer) => return None,
        Auth::Token => format!("http://{}", shared.address),
        Auth::TokenFrom(base) => base.clone(),
    };
    let repository = split(path).map_or("", |(repository, _, _)| repository);
    Some(format!(
        "Bearer realm=\"{realm}/token\",service=\"fault\",scope=\"repository:{repository}:pull\""
    ))
}

fn token(authorization: &str, shared: &Shared) -> Response<Body> {
    let mut content = shared.content();
    if matches!(content.auth, Some(Auth::Token)) && authorization != basic() {
        return response(StatusCode::UNAUTHORIZED, &[], "");
    }
    let number = shared.tokens_made.fetch_add(1, Ordering::Relaxed);
    let token = format!("token-canary-{number}");
    let body = format!("{{\"token\":\"{token}\",\"expires_in\":300}}");
    content.tokens.insert(token);
    response(
        StatusCode::OK,
        &[("content-type", "application/json".into())],
        &body,
    )
}

fn basic() -> String {
    let pair = format!("{USER}:{PASSWORD}");
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(pair)
    )
}

/// Splits `/v2/REPOSITORY/manifests|blobs|tags/REFERENCE`.
fn split(path: &str) -> Option<(&str, &str, &str)> {
    let path = path.split('?').next()?.strip_prefix("/v2/")?;
    let (rest, reference) = path.rsplit_once('/')?;
    let (repository, kind) = rest.rsplit_once('/')?;
    Some((repository, kind, reference))
}

fn content(
    request: &Request<Incoming>,
    path: &str,
    fault: Option<Fault>,
    shared: &Arc<Shared>,
) -> Response<Body> {
    let missing = || {
        let body = r#"{"errors":[{"code":"NAME_UNKNOWN","message":"not here"}]}"#;
        response(StatusCode::NOT_FOUND, &[], body)
    };
    if path == "/v2/" {
        return response(StatusCode::OK, &[], "{}");
    }
    let Some((repository, kind, reference)) = split(path) else {
        return missing();
    };
    let key = (repository.to_owned(), reference.to_owned());
    let content = shared.content();
    let found = match kind {
        "manifests" => content.manifests.get(&key).cloned(),
        "blobs" if content.members.contains(&key) => content
            .blobs
            .get(reference)
            .map(|bytes| ("application/octet-stream".to_owned(), bytes.clone())),
        _ => None,
    };
    drop(content);
    let Some((media_type, bytes)) = found else {
        return missing();
    };
    serve(request, &media_type, bytes, kind == "blobs", fault, shared)
}

fn serve(
    request: &Request<Incoming>,
    media_type: &str,
    bytes: Bytes,
    is_blob: bool,
    fault: Option<Fault>,
    shared: &Arc<Shared>,
) -> Response<Body> {
    let digest = sluicegate_model::Digest::of(&bytes);
    let total = bytes.len() as u64;
    let asked = request
        .headers()
        .get(header::RANGE)
        .and_then(|value| value.to_str().ok());
    let asked = asked.filter(|_| is_blob && !shared.ignores_range.load(Ordering::Relaxed));
    let range = asked.and_then(|text| range_of(text, total));
    let mut answer = Response::builder()
        .header(header::CONTENT_TYPE, media_type)
        .header(header::ACCEPT_RANGES, "bytes")
        .header("docker-content-digest", digest.as_str());
    let mut piece = bytes;
    if let Some((from, to)) = range {
        answer = answer.status(StatusCode::PARTIAL_CONTENT).header(
            header::CONTENT_RANGE,
            format!("bytes {from}-{}/{total}", to - 1),
        );
        let bounds = usize::try_from(from).expect("fits")..usize::try_from(to).expect("fits");
        piece = piece.slice(bounds);
    }
    if let Some(Fault::ShortenTo(length)) = fault {
        piece.truncate(usize::try_from(length).expect("fits"));
    }
    if let Some(Fault::LengthenBy(more)) = fault {
        let more = vec![0; usize::try_from(more).expect("fits")];
        piece = [piece, more.into()].concat().into();
    }
    let length = piece.len();
    let is_head = request.method() == Method::HEAD;
    let is_without_length = matches!(fault, Some(Fault::WithoutLength));
    let body = if is_head {
        body::empty()
    } else {
        body::send(piece, is_blob, fault, shared)
    };
    if !is_without_length {
        answer = answer.header(header::CONTENT_LENGTH, length);
    }
    answer.body(body).expect("a well-formed answer")
}

/// Reads `bytes=FROM-[TO]` as a half-open interval within `total`.
fn range_of(text: &str, total: u64) -> Option<(u64, u64)> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    let from: u64 = from.parse().ok()?;
    let to = if to.is_empty() {
        total
    } else {
        to.parse::<u64>().ok()? + 1
    };
    (from < to.min(total)).then_some((from, to.min(total)))
}

fn response(status: StatusCode, headers: &[(&str, String)], body: &str) -> Response<Body> {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, value);
    }
    let body = Bytes::copy_from_slice(body.as_bytes());
    answer
        .body(body::whole(body))
        .expect("a well-formed answer")
}
