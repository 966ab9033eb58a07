//! Over TLS the newest protocol both sides know is spoken, with authorities we were told of.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use sluicegate_model::Digest;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::http::server::{PeerInfo, ServerLimits, serve};
use crate::http::tls::TlsReload;
use crate::upstream::{Upstream, UpstreamError, UpstreamOptions};

#[tokio::test]
async fn blobs_of_one_upstream_share_an_http2_connection() {
    const BLOB: &[u8] = &[7; 3_000_000];
    let directory = tempfile::tempdir().unwrap();
    let pair = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (directory.path().join("crt"), directory.path().join("key"));
    std::fs::write(&certificate, pair.cert.pem()).unwrap();
    std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let service = move |request: Request<Incoming>, peer: PeerInfo| {
        noted.lock().unwrap().push((request.version(), peer.addr));
        async { Response::new(Full::from(Bytes::from_static(BLOB))) }
    };
    let (_stop, stopping) = watch::channel(false);
    let tls = TlsReload::open(&certificate, &key).unwrap();
    let limits = ServerLimits::default();
    tokio::spawn(serve(listener, Some(tls), limits, service, stopping));

    let mut options = UpstreamOptions::anonymous("up.test", url.parse().unwrap());
    let stranger = Upstream::new(options.clone(), None).unwrap();
    let refused = stranger.blob("a", &Digest::of(BLOB), 0).await;
    assert!(
        matches!(refused, Err(UpstreamError::Connect { .. })),
        "{refused:?}"
    );

    options.ca_pem = Some(pair.cert.pem().into_bytes());
    let upstream = Upstream::new(options, None).unwrap();
    let mut bodies = Vec::new();
    for _ in 0..3 {
        bodies.push(upstream.blob("a", &Digest::of(BLOB), 0).await.unwrap());
    }
    for mut body in bodies {
        let mut content = Vec::new();
        while let Some(piece) = body.chunk().await.unwrap() {
            content.extend_from_slice(&piece);
        }
        assert_eq!(content, BLOB);
    }
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 3);
    for (version, from) in seen.iter() {
        assert_eq!((*version, *from), (http::Version::HTTP_2, seen[0].1));
    }
}

#[test]
fn an_authority_file_without_a_certificate_is_a_mistake() {
    let mut options = UpstreamOptions::anonymous("up.test", "https://r.test".parse().unwrap());
    for pem in [
        "",
        "no PEM",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        options.ca_pem = Some(pem.as_bytes().to_vec());
        let outcome = Upstream::new(options.clone(), None);
        assert!(
            matches!(outcome, Err(UpstreamError::Settings { .. })),
            "{pem:?}"
        );
    }
}
