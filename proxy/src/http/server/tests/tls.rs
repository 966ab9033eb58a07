//! TLS is spoken where it is meant to be, with the certificate that is in the files now.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use http::{Request, Version};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use sluicegate_config::TlsFiles;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Running, SOON};
use crate::http::server::ServerLimits;
use crate::http::tls::{TlsError, TlsReload};

/// Writes a self-signed pair for loopback and gives the certificate.
fn write_pair(directory: &Path) -> CertificateDer<'static> {
    let pair = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(directory.join("tls.crt"), pair.cert.pem()).unwrap();
    std::fs::write(directory.join("tls.key"), pair.signing_key.serialize_pem()).unwrap();
    CertificateDer::from_pem_slice(pair.cert.pem().as_bytes()).unwrap()
}

fn open(directory: &Path) -> Result<TlsReload, TlsError> {
    TlsReload::open(&TlsFiles {
        cert_file: directory.join("tls.crt"),
        key_file: directory.join("tls.key"),
        client_ca_file: Some(directory.join("ca.crt")).filter(|path| path.exists()),
    })
}

async fn handshake(
    running: &Running,
    trusted: &CertificateDer<'static>,
    protocols: &[&str],
) -> std::io::Result<TlsStream<tokio::net::TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, running.connect().await)
        .await
}

/// Asks over HTTP/2 and gives the version the service saw.
async fn ask_http2<T>(stream: T) -> String
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = Request::get("http://h/v2/")
        .version(Version::HTTP_2)
        .body(Empty::<bytes::Bytes>::new())
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn the_client_chooses_the_protocol() {
    let directory = tempfile::tempdir().unwrap();
    let certificate = write_pair(directory.path());
    let tls = open(directory.path()).unwrap();
    let secure = Running::start(Some(tls), ServerLimits::default()).await;
    let stream = handshake(&secure, &certificate, &["h2", "http/1.1"])
        .await
        .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    assert_eq!(ask_http2(stream).await, "HTTP/2.0");
    let stream = handshake(&secure, &certificate, &["http/1.1"])
        .await
        .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));

    let plain = Running::start(None, ServerLimits::default()).await;
    assert_eq!(ask_http2(plain.connect().await).await, "HTTP/2.0");
}

#[tokio::test]
async fn the_wrong_protocol_is_answered_at_once() {
    let plain = Running::start(None, ServerLimits::default()).await;
    let started = Instant::now();
    let hello = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc][..], &[0; 508]].concat();
    let answer = plain.exchange(hello).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.ends_with("plain HTTP, not TLS\n"), "{answer}");

    let directory = tempfile::tempdir().unwrap();
    write_pair(directory.path());
    let tls = open(directory.path()).unwrap();
    let secure = Running::start(Some(tls), ServerLimits::default()).await;
    let answer = secure
        .exchange("GET /v2/ HTTP/1.1\r\nHost: h\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(started.elapsed() < SOON);
    assert!(secure.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_new_certificate_is_taken_over_and_a_broken_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let old = write_pair(directory.path());
    let tls = open(directory.path()).unwrap();
    let running = Running::start(Some(tls.clone()), ServerLimits::default()).await;
    assert!(!tls.reload().unwrap());

    let key = directory.path().join("tls.key");
    let good_key = std::fs::read(&key).unwrap();
    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    for broken in ["", "-----BEGIN", &other] {
        std::fs::write(&key, broken).unwrap();
        assert!(tls.reload().is_err(), "{broken:?} was taken over");
        assert!(open(directory.path()).is_err());
        handshake(&running, &old, &[]).await.unwrap();
    }
    std::fs::write(&key, good_key).unwrap();
    assert!(!tls.reload().unwrap(), "nothing changed in the end");

    let new = write_pair(directory.path());
    assert!(tls.reload().unwrap());
    handshake(&running, &new, &[]).await.unwrap();
    assert!(handshake(&running, &old, &[]).await.is_err());
}
