//! A request that two parsers could read in two ways is refused, and nothing after it is read.

use super::{Running, read_until};
use crate::http::server::ServerLimits;
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn several_requests_share_a_connection() {
    let running = Running::start(None, ServerLimits::default()).await;
    let mut stream = running.connect().await;
    for _ in 0..3 {
        stream
            .write_all(b"GET /v2/ HTTP/1.1\r\nHost: h\r\n\r\n")
            .await
            .unwrap();
        let answer = read_until(&mut stream, "\r\n\r\nHTTP/1.1").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[tokio::test]
async fn ambiguous_requests_are_refused_and_end_the_connection() {
    let running = Running::start(None, ServerLimits::default()).await;
    let hidden = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";
    for head in [
        "GET /v2/ HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "POST /v2/ HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 33\r\n\r\n",
        "POST /v2/ HTTP/1.1\r\nHost: h\r\nContent-Length: 0, 33\r\n\r\n",
        "POST /v2/ HTTP/1.1\r\nHost: h\r\nContent-Length: +0\r\n\r\n",
        "POST /v2/ HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        "POST /v2/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n",
        "POST /v2/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "POST /v2/ HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: h\r\nContent-Length : 0\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: h\r\nX: a\r\n folded\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: h\r\nHost: other\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\n\r\n",
    ] {
        let answer = running.exchange(format!("{head}{hidden}")).await;
        assert!(
            answer.starts_with("HTTP/1.1 400") || answer.starts_with("HTTP/1.0 400"),
            "{head:?}: {answer:?}"
        );
        assert_eq!(answer.matches("HTTP/1.").count(), 1, "{head:?}: {answer:?}");
    }
    assert_eq!(*running.asked.lock().unwrap(), [""; 0]);
}

#[tokio::test]
async fn nothing_after_a_broken_or_ambiguous_upload_is_a_request() {
    let running = Running::start(None, ServerLimits::default()).await;
    let hidden = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";
    for upload in [
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n",
        "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let request = format!("POST /upload HTTP/1.1\r\nHost: h\r\n{upload}{hidden}");
        let answer = running.exchange(request).await;
        let answers = answer.matches("HTTP/1.1 ").count();
        assert_eq!(answers, 1, "{upload:?}: {answer:?}");
    }
    assert!(
        !running
            .asked
            .lock()
            .unwrap()
            .contains(&"/hidden".to_owned())
    );
}

#[tokio::test]
async fn no_connection_becomes_a_tunnel_or_another_protocol() {
    let running = Running::start(None, ServerLimits::default()).await;
    let answer = running
        .exchange("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
    let upgrade = "GET /v2/ HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, close\r\n\
                   Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n";
    let answer = running.exchange(upgrade).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
