//! Whoever cannot be talked to is named with the cause: the upstream, its token service, the
//! storage it sends us to, a proxy in between.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use sluicegate_model::{Digest, Reference};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{nobody, tls_server};
use crate::fake::{Fake, answer, wants_token};
use crate::{Upstream, UpstreamError, UpstreamOptions};

fn tag() -> Reference {
    "1".parse().unwrap()
}

/// Asks an upstream at this URL, with one authority more, and gives the words of its error.
async fn words(url: &str, ca_pem: Option<String>) -> String {
    let mut options = UpstreamOptions::anonymous("up.test", url.parse().unwrap());
    options.ca_pem = ca_pem.map(String::into_bytes);
    let upstream = Upstream::new(options, None).unwrap();
    let error = upstream.blob("a", &Digest::of(b""), 0).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Connect { .. }), "{error:?}");
    error.to_string()
}

/// Serves TLS with a certificate of an authority, and gives the URL and the authority.
async fn tls(change: impl FnOnce(&mut rcgen::CertificateParams)) -> (String, String) {
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let name = format!("authority {}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let names = &mut authority.distinguished_name;
    names.push(rcgen::DnType::CommonName, name);
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let ca_pem = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(authority, authority_key);

    let mut certificate = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    change(&mut certificate);
    let key = rcgen::KeyPair::generate().unwrap();
    let signed = certificate.signed_by(&key, &issuer).unwrap();
    let service = |_, _| async { Response::new(Full::from(Bytes::new())) };
    let url = tls_server::serve(&signed.pem(), &key.serialize_pem(), service).await;
    (url, ca_pem)
}

#[tokio::test]
async fn a_certificate_that_is_not_accepted_is_told_by_what_is_wrong_with_it() {
    let (url, ca) = tls(|_| {}).await;
    let told = words(&url, None).await;
    assert!(told.contains(&format!("cannot talk to {url}: ")), "{told}");
    assert!(told.contains("unknown issuer"), "{told}");

    let (url, _) = tls(|_| {}).await;
    assert!(
        words(&url, Some(ca)).await.contains("unknown issuer"),
        "another authority"
    );

    let (url, ca) =
        tls(|certificate| certificate.not_after = rcgen::date_time_ymd(2020, 2, 3)).await;
    let told = words(&url, Some(ca)).await;
    assert!(
        told.ends_with("its certificate has expired on 2020-02-03"),
        "{told}"
    );

    let (url, ca) =
        tls(|certificate| certificate.not_before = rcgen::date_time_ymd(4000, 1, 1)).await;
    let told = words(&url, Some(ca)).await;
    assert!(
        told.ends_with("its certificate is not valid before 4000-01-01"),
        "{told}"
    );

    let (url, ca) = tls(|certificate| {
        let other = "other.test".to_owned().try_into().unwrap();
        certificate.subject_alt_names = vec![rcgen::SanType::DnsName(other)];
    })
    .await;
    let told = words(&url, Some(ca)).await;
    assert!(told.contains("the wrong name: it is for"), "{told}");
    assert!(told.contains("other.test"), "{told}");
}

#[tokio::test]
async fn silence_refusal_and_other_protocols_are_told_apart() {
    let address = nobody();
    let told = words(&format!("http://{address}"), None).await;
    let wanted = format!("cannot talk to http://{address}: connection refused");
    assert!(told.ends_with(&wanted), "{told}");

    let told = words("http://no-such-host.invalid", None).await;
    let is_true = told.contains("no such name") || told.contains("cannot be resolved");
    assert!(is_true, "{told}");

    let plain = Fake::start(|_| async { answer(200, &[], "") }).await;
    let told = words(&plain.url("").replace("http:", "https:"), None).await;
    assert!(told.ends_with("it does not speak TLS"), "{told}");

    for (says, wanted) in [
        ("", "the connection was closed before an answer"),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", "what it answers is no HTTP"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _asked = stream.read(&mut [0; 1024]).await;
                let _said = stream.write_all(says.as_bytes()).await;
            }
        });
        let told = words(&url, None).await;
        assert!(told.ends_with(wanted), "{says:?}: {told}");
    }
}

#[tokio::test]
async fn it_is_told_who_in_a_chain_could_not_be_talked_to() {
    let address = nobody();
    let service = format!("http://{address}/token");
    let wanting = Fake::start(move |_| {
        let service = service.clone();
        async move { wants_token(&service) }
    })
    .await;
    let error = wanting.upstream().manifest("a", &tag()).await.unwrap_err();
    let wanted = format!("cannot talk to http://{address}: connection refused");
    assert!(error.to_string().ends_with(&wanted), "{error}");

    let storage = format!("http://{address}/blob");
    let sending = Fake::start(move |_| {
        let storage = storage.clone();
        async move { answer(307, &[("location", &storage)], "") }
    })
    .await;
    let digest = Digest::of(b"");
    let error = sending.upstream().blob("a", &digest, 0).await.unwrap_err();
    assert!(error.to_string().ends_with(&wanted), "{error}");

    let mut options = UpstreamOptions::anonymous("up.test", "https://r.test".parse().unwrap());
    options.proxy.https_proxy = Some(format!("http://user:hidden-word@{address}"));
    let proxied = Upstream::new(options, None).unwrap();
    let error = proxied.blob("a", &digest, 0).await.unwrap_err().to_string();
    let wanted = format!("https://r.test: through the proxy http://{address}: connection refused");
    assert!(error.ends_with(&wanted), "{error}");
    assert!(!error.contains("hidden-word"), "{error}");
}

#[tokio::test]
async fn whoever_is_silent_is_named() {
    let silent = Fake::start(|_| std::future::pending()).await;
    let storage = silent.url("/blob");
    let sending = Fake::start(move |_| {
        let storage = storage.clone();
        async move { answer(307, &[("location", &storage)], "") }
    })
    .await;
    let timing = crate::wire::Timing {
        headers: Duration::from_millis(300),
        ..Default::default()
    };
    let upstream = Upstream::with_timing(sending.options(), timing);
    let error = upstream.blob("a", &Digest::of(b""), 0).await.unwrap_err();
    let wanted = format!(
        "timed out: waited 0 s for an answer of http://{}",
        silent.address
    );
    assert!(error.to_string().ends_with(&wanted), "{error}");
}

#[tokio::test]
async fn a_storage_that_refuses_is_named_and_is_not_the_registry() {
    let storage = Fake::start(|_| async { answer(401, &[], "") }).await;
    let target = storage.url("/blob?signature=0123456789abcdef0123");
    let sending = Fake::start(move |_| {
        let target = target.clone();
        async move { answer(302, &[("location", &target)], "") }
    })
    .await;
    let upstream = sending.upstream();
    let error = upstream.blob("a", &Digest::of(b""), 0).await.unwrap_err();
    let words = error.to_string();
    let wanted = format!("its storage at http://{} answered 401;", storage.address);
    assert!(words.contains(&wanted), "{words}");
    assert!(!words.contains("signature"), "{words}");
}
