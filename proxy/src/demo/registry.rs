//! A registry of the demo's images, in memory, on a loopback port of its own.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use sluicegate_model::{Digest, media_type};
use tokio::net::TcpListener;

use super::images::BuiltImage;

#[derive(Default)]
struct ServedContent {
    by_path: HashMap<String, (Digest, &'static str, Bytes)>,
}

/// Serves `images` (by repository name, tag `1`) until the program ends.
pub async fn start(images: Vec<(&str, BuiltImage)>) -> io::Result<SocketAddr> {
    let mut content = ServedContent::default();
    for (name, image) in images {
        content.add(name, image);
    }
    let content = Arc::new(content);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let content = Arc::clone(&content);
            let service = service_fn(move |request| {
                let response = content.answer(&request);
                async move { Ok::<_, Infallible>(response) }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    Ok(address)
}

impl ServedContent {
    fn add(&mut self, name: &str, image: BuiltImage) {
        let digest = Digest::of(&image.manifest);
        for reference in ["1", digest.as_str()] {
            let path = format!("/v2/{name}/manifests/{reference}");
            let entry = (
                digest.clone(),
                media_type::OCI_MANIFEST,
                image.manifest.clone(),
            );
            self.by_path.insert(path, entry);
        }
        for (digest, blob) in image.blobs {
            let path = format!("/v2/{name}/blobs/{digest}");
            self.by_path
                .insert(path, (digest, "application/octet-stream", blob));
        }
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let Some((digest, kind, bytes)) = self.by_path.get(request.uri().path()) else {
            let mut missing = Response::new(Full::default());
            *missing.status_mut() = StatusCode::NOT_FOUND;
            return missing;
        };
        let body = if request.method() == Method::HEAD {
            Bytes::new()
        } else {
            bytes.clone()
        };
        let mut response = Response::new(Full::new(body));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
        headers.insert(header::CONTENT_LENGTH, bytes.len().into());
        if let Ok(digest) = digest.as_str().parse() {
            headers.insert(crate::http::respond::DOCKER_CONTENT_DIGEST, digest);
        }
        response
    }
}
