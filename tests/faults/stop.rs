//! Stopping: what is held moves on, what runs completes, and the program ends in time.

use std::time::{Duration, Instant};

use sluicegate_tests::fault::Fault;
use sluicegate_tests::proxy::verify_log;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::stage::{Stage, ask_once, assert_whole, blob_path, clean_image, within};

/// Longest time for a held request to be sent on.
const SENT_ON: Duration = Duration::from_secs(2);
/// Longest stop.
const STOPPED: Duration = Duration::from_secs(30);
/// Longest time for one request here.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_requests_move_on_at_once_and_the_next_process_serves_them() {
    let mut stage = Stage::start("hold").await;
    let image = clean_image(1, 100_000);
    stage.upstream.add("lib/app", "1", &image);
    let layer = image.layers[1].digest.as_str();
    stage.upstream.always(layer, Fault::StallAt(1_000));
    let path = "/v2/lib/app/manifests/1?ns=up.test";
    let held = async {
        let reply = ask_once(&stage.proxy, path, PATIENCE)
            .await
            .expect("an answer");
        (reply, Instant::now())
    };
    let asked = async {
        within(PATIENCE, "held", async || {
            stage.upstream.count("GET", layer) > 0
        })
        .await;
        stage.proxy.signal("TERM");
        Instant::now()
    };
    let ((reply, answered), told) = tokio::join!(held, asked);
    assert_eq!(reply.status, 307, "{}", reply.text());
    let next = reply.header("location").to_owned();
    assert!(next.contains("sluicegate-hop=1"), "{next}");
    assert!(next.contains("ns=up.test"), "{next}");
    let took = answered.duration_since(told);
    assert!(took < SENT_ON, "held on for {took:?}");
    assert!(stage.proxy.terminate().success());
    assert!(told.elapsed() < STOPPED, "{:?}", told.elapsed());
    stage.upstream.heal();
    stage.proxy.restart().await;
    stage.pulls("lib/app", "1", &image).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn running_bodies_complete_and_the_log_is_whole() {
    let mut stage = Stage::start("stream").await;
    let image = clean_image(2, 1_500_000);
    stage.upstream.add("lib/app", "1", &image);
    stage.upstream.limit_to(500_000);
    assert_eq!(stage.manifest("lib/app", "1").await.status, 200);
    let layer = &image.layers[1];
    let path = blob_path("lib/app", layer);
    let stop = async {
        let arriving = async || stage.upstream.body_bytes() > 200_000;
        within(PATIENCE, "half-way", arriving).await;
        stage.proxy.signal("TERM");
        Instant::now()
    };
    let (reply, told) = tokio::join!(ask_once(&stage.proxy, &path, PATIENCE), stop);
    assert_whole(&reply.expect("an answer"), layer);
    assert!(stage.proxy.terminate().success());
    assert!(told.elapsed() < STOPPED, "{:?}", told.elapsed());
    let verified = verify_log(&stage.proxy.data()).await;
    assert!(verified.ok(), "{}", verified.text());
    stage.upstream.limit_to(0);
    stage.proxy.restart().await;
    stage.pulls("lib/app", "1", &image).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_do_not_end_cannot_keep_it_from_stopping() {
    let mut stage = Stage::start("hold").await;
    let image = clean_image(3, 200_000);
    stage.upstream.add("lib/app", "1", &image);
    // A download that never ends, and half a request on each listener.
    let layer = image.layers[1].digest.as_str();
    stage.upstream.always(layer, Fault::StallAt(1_000));
    let held = ask_once(&stage.proxy, "/v2/lib/app/manifests/1", PATIENCE);
    let mut idle = Vec::new();
    for address in [stage.proxy.address(), stage.proxy.api_address()] {
        let mut half = TcpStream::connect(address).await.expect("connect");
        half.write_all(b"GET /readyz HTTP/1.1\r\nHost:")
            .await
            .expect("send");
        idle.push(half);
    }
    let stop = async {
        within(PATIENCE, "held", async || {
            stage.upstream.count("GET", layer) > 0
        })
        .await;
        stage.proxy.signal("TERM");
        Instant::now()
    };
    let (_, told) = tokio::join!(held, stop);
    assert!(stage.proxy.terminate().success());
    eprintln!("stop: ended after {:?}", told.elapsed());
    assert!(told.elapsed() < STOPPED, "{:?}", told.elapsed());
}
