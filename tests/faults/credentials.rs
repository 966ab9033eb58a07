//! Credentials: used where they belong, renewed when they expire, and seen by nobody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::Rng as _;
use sluicegate_tests::fault::{Auth, Fault, FaultUpstream, Seen};
use sluicegate_tests::proxy::{ProxyBuilder, UPSTREAM};
use sluicegate_tests::registry::{PASSWORD, USER};
use sluicegate_tests::seeds::rng;
use sluicegate_tests::waiting::moment;

use crate::rounds;
use crate::stage::{Stage, ask_once, clean_image};

/// Time between two revocations of all tokens: longer than any one request takes.
const REVOKED_EVERY: Duration = Duration::from_millis(700);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pulls_go_on_while_tokens_expire_early() {
    let upstream = FaultUpstream::start().await;
    upstream.demand(Auth::Token);
    let builder = with_credentials(&[(UPSTREAM, &upstream)]);
    let stage = Arc::new(Stage::around(upstream, builder).await);
    let (revoked, done) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let revoking = tokio::spawn({
        let (stage, revoked, done) = (stage.clone(), revoked.clone(), done.clone());
        async move {
            while !done.load(Ordering::Relaxed) {
                tokio::time::sleep(REVOKED_EVERY).await;
                stage.upstream.revoke_tokens();
                revoked.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    rounds::all("tokens", |seed| {
        let stage = stage.clone();
        async move {
            let (mut rng, repository) = (rng(seed), format!("lib/token-{seed}"));
            let image = clean_image(seed, 50_000);
            stage.upstream.add(&repository, "1", &image);
            moment(&mut rng, Duration::ZERO..Duration::from_secs(3)).await;
            // Cut, so that it asks again when the token may be worthless.
            let cuts = [Fault::CutAt(10_000), Fault::CutAt(10_000)];
            stage.upstream.script(image.layers[1].digest.as_str(), cuts);
            stage.pulls(&repository, "1", &image).await;
        }
    })
    .await;
    done.store(true, Ordering::Relaxed);
    revoking.await.expect("nothing panics there");
    let tokens = stage.upstream.count("GET", "/token?");
    let most = rounds::seeds().len() * (revoked.load(Ordering::Relaxed) + 1);
    assert!(
        tokens <= most,
        "{tokens} token requests, wanted at most {most}"
    );
    assert_silent(&stage);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_takes_no_credential_along() {
    let (upstream, sink) = (FaultUpstream::start().await, FaultUpstream::start().await);
    upstream.demand(Auth::Token);
    let builder = with_credentials(&[(UPSTREAM, &upstream)]);
    let stage = Arc::new(Stage::around(upstream, builder).await);
    stage
        .upstream
        .always("/blobs/", Fault::RedirectTo(sink.url()));
    let sink = Arc::new(sink);
    rounds::all("redirects", |seed| {
        let (stage, sink) = (stage.clone(), sink.clone());
        async move {
            let (mut rng, repository) = (rng(seed), format!("lib/redirect-{seed}"));
            let image = clean_image(seed, rng.random_range(1_000..100_000));
            stage.upstream.add(&repository, "1", &image);
            sink.add(&repository, "1", &image);
            let layer = image.layers[1].digest.as_str();
            if rng.random() {
                sink.script(layer, [Fault::CutAt(500)]);
            }
            if rng.random() {
                let manifest = format!("{repository}/manifests/");
                stage
                    .upstream
                    .script(&manifest, [Fault::RedirectTo(sink.url())]);
            }
            stage.pulls(&repository, "1", &image).await;
        }
    })
    .await;
    assert!(sink.seen().len() >= 3 * rounds::seeds().len());
    assert_clean(&sink.seen());
    assert_silent(&stage);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_hostile_redirect_gets_a_credential_or_is_followed_into_the_private_network() {
    let (upstream, sink) = (FaultUpstream::start().await, FaultUpstream::start().await);
    upstream.demand(Auth::Token);
    let builder = with_credentials(&[(UPSTREAM, &upstream)]);
    let stage = Stage::around(upstream, builder).await;
    let port = port(&sink);
    let targets = [
        format!("http://localhost:{port}"),
        format!("http://127.0.0.2:{port}"),
        format!("http://0.0.0.0:{port}"),
        format!("http://[::ffff:127.0.0.2]:{port}"),
        format!("file://localhost:{port}"),
        "http://169.254.169.254".to_owned(),
    ];
    for (number, target) in targets.into_iter().enumerate() {
        let (repository, image) = (
            format!("lib/trap-{number}"),
            clean_image(number as u64, 1_000),
        );
        stage.upstream.add(&repository, "1", &image);
        sink.add(&repository, "1", &image);
        stage
            .upstream
            .always("/blobs/", Fault::RedirectTo(target.clone()));
        let path = format!("/v2/{repository}/manifests/1");
        let reply = ask_once(&stage.proxy, &path, Duration::from_secs(15)).await;
        let reply = reply.expect("an answer");
        assert!(!reply.status.is_success(), "{target}: {}", reply.status);
    }
    assert!(sink.seen().is_empty(), "{:?}", sink.seen());
    assert_silent(&stage);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_hostile_realm_gets_a_credential() {
    let sink = FaultUpstream::start().await;
    let port = port(&sink);
    let mut upstreams = Vec::new();
    for _ in 0..hostile(port, "").len() {
        upstreams.push(FaultUpstream::start().await);
    }
    let names: Vec<String> = (0..upstreams.len())
        .map(|number| format!("up{number}.test"))
        .collect();
    let named: Vec<(&str, &FaultUpstream)> = names
        .iter()
        .map(String::as_str)
        .chain([UPSTREAM])
        .zip(upstreams.iter().chain(upstreams.first()))
        .collect();
    let builder = with_credentials(&named);
    let stage = Stage::around(FaultUpstream::start().await, builder).await;
    let image = clean_image(1, 1_000);
    for (number, upstream) in upstreams.iter().enumerate() {
        upstream.add("lib/app", "1", &image);
        let realm = hostile(port, upstream.address())[number].clone();
        upstream.demand(Auth::TokenFrom(realm.clone()));
        // One of the realms is the upstream itself, which sends the question on.
        upstream.always("/token", Fault::RedirectTo(sink.url()));
        let started = Instant::now();
        let path = format!("/v2/up{number}.test/lib/app/manifests/1");
        let reply = ask_once(&stage.proxy, &path, Duration::from_secs(30)).await;
        let reply = reply.expect("an answer");
        assert!(!reply.status.is_success(), "{realm}: {}", reply.status);
        assert!(started.elapsed() < Duration::from_secs(15), "{realm}");
    }
    assert_clean(&sink.seen());
    for upstream in upstreams
        .iter()
        .skip(1)
        .filter(|u| u.count("GET", "/token?") == 0)
    {
        assert_clean(&upstream.seen());
    }
    assert_silent(&stage);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_upstream_echoes_is_in_no_answer_and_no_log() {
    for auth in [Auth::Basic, Auth::Token] {
        let upstream = FaultUpstream::start().await;
        upstream.demand(auth);
        let builder =
            with_credentials(&[(UPSTREAM, &upstream)]).environment("SLUICEGATE_LOG_FORMAT", "json");
        let stage = Stage::around(upstream, builder).await;
        let pair = format!("{USER}:{PASSWORD}");
        let percent = |text: &str| {
            let bytes = text.bytes().map(|byte| format!("%{byte:02X}"));
            bytes.collect::<Vec<_>>().concat()
        };
        let echoes: Vec<String> = vec![
            "{sent}".to_owned(),
            PASSWORD.to_owned(),
            pair.clone(),
            STANDARD.encode(&pair),
            STANDARD.encode(format!("x {pair}")),
            STANDARD.encode(PASSWORD),
            percent(PASSWORD),
            percent(&STANDARD.encode(&pair)),
            PASSWORD.replace('-', "\u{2010}-"),
        ];
        let image = clean_image(1, 1_000);
        let mut said = String::new();
        for (number, echo) in echoes.iter().enumerate() {
            let repository = format!("lib/echo-{number}");
            stage.upstream.add(&repository, "1", &image);
            for status in [200, 206, 400, 403, 404, 429, 500] {
                let body =
                    format!("{{\"errors\":[{{\"code\":\"X\",\"message\":\"no {echo} here\"}}]}}");
                let mut headers = vec![("retry-after", "9999".to_owned())];
                for name in ["content-type", "docker-content-digest", "warning", "link"] {
                    headers.push((
                        name,
                        format!("<{}>; rel=next", echo.replace("{sent}", PASSWORD)),
                    ));
                }
                headers.retain(|(_, value)| value.is_ascii());
                let say = Fault::Say(status, headers, body);
                stage.upstream.always(&format!("/v2/{repository}/"), say);
                for path in [
                    format!("/v2/{repository}/manifests/{status}"),
                    format!("/v2/{repository}/tags/list"),
                    format!("/v2/{repository}/referrers/{}", image.digest),
                ] {
                    let reply = ask_once(&stage.proxy, &path, Duration::from_secs(30)).await;
                    let reply = reply.expect("an answer");
                    said.push_str(&format!("{:?} {}\n", reply.headers, reply.text()));
                }
            }
        }
        // The blobs of an image whose manifest is fine.
        stage.upstream.add("lib/blobs", "1", &image);
        let body = "{\"errors\":[{\"message\":\"no {sent} here\"}]}".to_owned();
        let say = Fault::Say(400, Vec::new(), body);
        stage.upstream.always("/v2/lib/blobs/blobs/", say);
        let reply = ask_once(
            &stage.proxy,
            "/v2/lib/blobs/manifests/1",
            Duration::from_secs(30),
        );
        said.push_str(&reply.await.expect("an answer").text());
        let log = stage.proxy.log();
        for text in [&said, &log] {
            assert!(text.contains("***"), "nothing was scrubbed: {text}");
            for secret in [
                PASSWORD,
                "canary",
                "token-canary",
                &STANDARD.encode(&pair),
                "%63%6F%72",
            ] {
                assert!(!text.contains(secret), "{secret} in {text}");
            }
        }
    }
}

/// Lists realms that are not the upstream, whatever they look like; the last one is.
fn hostile(port: u16, upstream: &str) -> Vec<String> {
    vec![
        format!("http://127.0.0.1:{port}"),
        format!("http://localhost:{port}"),
        format!("http://127.0.0.2:{port}"),
        format!("http://[::1]:{port}"),
        format!("http://0.0.0.0:{port}"),
        format!("http://2130706433:{port}"),
        format!("http://127.1:{port}"),
        format!("http://{USER}@127.0.0.1:{port}"),
        format!("http://{upstream}@127.0.0.1:{port}"),
        format!("http://127.0.0.1:{port}\\@{upstream}"),
        format!("http://127.0.0.1:{port}/{upstream}"),
        format!("https://127.0.0.1:{port}"),
        format!("http://ⅼocalhost:{port}"),
        format!("//127.0.0.1:{port}"),
        format!("file://127.0.0.1:{port}"),
        format!("http://{upstream}"),
    ]
}

/// Describes a program that knows the password of these upstreams.
fn with_credentials(upstreams: &[(&str, &FaultUpstream)]) -> ProxyBuilder {
    let entry = |(name, upstream): &(&str, &FaultUpstream)| {
        format!(
            "  {name}: {{url: \"{}\", username: {USER}, password_env: TEST_UPSTREAM_PASSWORD, \
             allow_insecure_credentials: true}}\n",
            upstream.url()
        )
    };
    let entries: String = upstreams.iter().map(entry).collect();
    ProxyBuilder::with_config(&format!("upstreams:\n{entries}"))
        .environment("TEST_UPSTREAM_PASSWORD", PASSWORD)
}

fn port(upstream: &FaultUpstream) -> u16 {
    let (_, port) = upstream.address().rsplit_once(':').expect("host and port");
    port.parse().expect("a port")
}

/// Asserts that no request carried anything that is ours.
#[track_caller]
fn assert_clean(seen: &[Seen]) {
    let basic = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    for request in seen {
        let text = format!("{} {:?}", request.path, request.headers);
        assert_eq!(request.authorization(), "", "{text}");
        for secret in [PASSWORD, &basic, "token-canary"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert!(!request.headers.contains_key("cookie"), "{text}");
    }
}

/// Asserts that the program's log holds no secret.
#[track_caller]
fn assert_silent(stage: &Stage) {
    let (log, basic) = (
        stage.proxy.log(),
        STANDARD.encode(format!("{USER}:{PASSWORD}")),
    );
    for secret in [PASSWORD, &basic, "token-canary"] {
        assert!(!log.contains(secret), "the log holds {secret}");
    }
}
