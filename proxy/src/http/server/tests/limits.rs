//! Nobody keeps a connection without using it; nobody loses one by waiting for an answer.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame};
use http_body_util::Full;
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::{Running, SOON, read_to_close, read_until};
use crate::http::server::ServerLimits;

const GET: &[u8] = b"GET /v2/ HTTP/1.1\r\nHost: h\r\n\r\n";

/// Limits short enough to wait for.
fn brief() -> ServerLimits {
    ServerLimits {
        header_timeout: Duration::from_millis(500),
        idle_timeout: Duration::from_millis(600),
        write_timeout: Duration::from_millis(600),
        drain: Duration::from_millis(600),
        ..ServerLimits::default()
    }
}

#[tokio::test]
async fn a_head_that_does_not_end_is_not_waited_for() {
    let running = Running::start(None, brief()).await;
    for start in ["", "G", "PRI * HT", "GET /v2/ HTTP/1.1\r\nHost: h\r\nX: "] {
        let answer = running.exchange(start).await;
        assert_eq!(answer, "", "{start:?}");
    }
    assert!(running.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_answer() {
    let running = Running::start(None, brief()).await;
    let mut stream = running.connect().await;
    stream.write_all(GET).await.unwrap();
    let answer = read_to_close(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// How long an answer is held, well past all of the limits, as a scan holds a manifest.
const HELD: Duration = Duration::from_millis(1500);

#[tokio::test]
async fn a_held_request_outlives_every_idle_limit() {
    let running = Running::with_answer(None, brief(), |_| async {
        tokio::time::sleep(HELD).await;
        Response::new(Full::from("held"))
    })
    .await;
    let mut stream = running.connect().await;
    stream.write_all(GET).await.unwrap();
    assert!(
        read_until(&mut stream, "held")
            .await
            .starts_with("HTTP/1.1 200")
    );
}

/// A body without end that tells when it is dropped.
struct Endless(Arc<Notify>);

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![0; 65_536])))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let dropped = Arc::new(Notify::new());
    let telling = Arc::clone(&dropped);
    let running = Running::with_answer(None, brief(), move |_| {
        let body = Endless(Arc::clone(&telling));
        async { Response::new(body) }
    })
    .await;
    let mut stream = running.connect().await;
    stream.write_all(GET).await.unwrap();
    let cut = tokio::time::timeout(SOON, dropped.notified()).await;
    assert!(cut.is_ok(), "the body was still wanted");
}

#[tokio::test]
async fn connections_are_counted_in_all_and_by_address() {
    for (in_all, by_address) in [(2, 10), (10, 2)] {
        let limits = ServerLimits {
            max_connections: in_all,
            max_connections_per_address: by_address,
            ..ServerLimits::default()
        };
        let running = Running::start(None, limits).await;
        let mut first = running.connect().await;
        let mut second = running.connect().await;
        for stream in [&mut first, &mut second] {
            stream.write_all(GET).await.unwrap();
            read_until(stream, "\r\n\r\nHTTP/1.1").await;
        }
        let mut third = running.connect().await;
        assert_eq!(read_to_close(&mut third).await, "");
        // A place that is left can be taken.
        drop(first);
        let mut free = false;
        while !free {
            let mut next = running.connect().await;
            next.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                .await
                .unwrap();
            free = read_to_close(&mut next).await.starts_with("HTTP/1.1 200");
        }
        second.write_all(GET).await.unwrap();
        read_until(&mut second, "\r\n\r\nHTTP/1.1").await;
    }
}

#[tokio::test]
async fn running_requests_end_before_the_listener_does() {
    let asked = Arc::new(Notify::new());
    let release = Arc::new(Notify::new());
    let (arrived, released) = (Arc::clone(&asked), Arc::clone(&release));
    let running = Running::with_answer(None, ServerLimits::default(), move |_| {
        arrived.notify_one();
        let released = Arc::clone(&released);
        async move {
            released.notified().await;
            Response::new(Full::from("finished"))
        }
    })
    .await;
    let mut silent = running.connect().await;
    let mut busy = running.connect().await;
    busy.write_all(GET).await.unwrap();
    asked.notified().await;
    running.stop.send(true).unwrap();
    assert_eq!(read_to_close(&mut silent).await, "");
    assert!(!running.serving.is_finished());
    release.notify_one();
    assert!(read_to_close(&mut busy).await.ends_with("finished"));
    tokio::time::timeout(SOON, running.serving)
        .await
        .unwrap()
        .unwrap();
    assert!(
        tokio::net::TcpStream::connect(running.address)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn draining_does_not_last_for_ever() {
    let running = Running::with_answer(None, brief(), |_| {
        std::future::pending::<Response<Full<Bytes>>>()
    })
    .await;
    let mut clients = JoinSet::new();
    for _ in 0..3 {
        let mut stream = running.connect().await;
        stream.write_all(GET).await.unwrap();
        clients.spawn(async move { read_to_close(&mut stream).await });
    }
    while running.asked.lock().unwrap().len() < 3 {
        tokio::task::yield_now().await;
    }
    running.stop.send(true).unwrap();
    tokio::time::timeout(SOON, running.serving)
        .await
        .unwrap()
        .unwrap();
    while let Some(client) = clients.join_next().await {
        assert_eq!(client.unwrap(), "");
    }
}
