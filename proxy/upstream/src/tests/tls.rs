//! Over TLS the newest protocol both sides know is spoken, with authorities we were told of.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use sluicegate_model::Digest;

use super::tls_server;
use crate::{Upstream, UpstreamError, UpstreamOptions};

#[tokio::test]
async fn blobs_of_one_upstream_share_an_http2_connection() {
    const BLOB: &[u8] = &[7; 3_000_000];
    let pair = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (pair.cert.pem(), pair.signing_key.serialize_pem());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let service = move |request: Request<Incoming>, peer: SocketAddr| {
        noted.lock().unwrap().push((request.version(), peer));
        async { Response::new(Full::from(Bytes::from_static(BLOB))) }
    };
    let url = tls_server::serve(&certificate, &key, service).await;

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

/// Serves anything over TLS with a certificate; gives the URL.
async fn served_with(certificate: &str, key: &str) -> String {
    let service = |_, _| async { Response::new(Full::from(Bytes::from_static(b"{}"))) };
    tls_server::serve(certificate, key, service).await
}

/// Makes what `openssl req -x509` makes: a certificate of its own key that may sign others.
fn authority(name: &str, years: std::ops::Range<i32>) -> (String, String) {
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.not_before = rcgen::date_time_ymd(years.start, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.end, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

#[tokio::test]
async fn a_certificate_that_may_sign_others_is_taken_where_it_was_given() {
    let valid = 2020..4000;
    let (good, good_key) = authority("127.0.0.1", valid.clone());
    let (other, _) = authority("127.0.0.1", valid.clone());
    let (misnamed, misnamed_key) = authority("other.test", valid);
    let (ended, ended_key) = authority("127.0.0.1", 2001..2002);
    let both = format!("{other}{good}");
    for (shown, key, given, is_taken) in [
        (&good, &good_key, &good, true),
        (&good, &good_key, &both, true),
        (&good, &good_key, &other, false),
        (&misnamed, &misnamed_key, &misnamed, false),
        (&ended, &ended_key, &ended, false),
    ] {
        let url = served_with(shown, key).await;
        let mut options = UpstreamOptions::anonymous("up.test", url.parse().unwrap());
        options.ca_pem = Some(given.clone().into_bytes());
        let upstream = Upstream::new(options, None).unwrap();
        let outcome = upstream.blob("a", &Digest::of(b"{}"), 0).await;
        assert_eq!(outcome.is_ok(), is_taken, "{outcome:?}");
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
